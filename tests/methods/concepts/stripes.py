"""A small network, and noise with and without stripes: a concept that its first layers can see."""

import torch
from networks import noise, seeded

import xaiwidgets as xw
from xaiwidgets.zoo import SmallCNN

SIDE = 16


def small_network():
    """Four convolutions, the average over all places, one linear layer."""
    return seeded(lambda: SmallCNN(classes=3, channels=(6, 8, 8, 8), strides=(1, 2)))


def striped(count: int, seed: int, strength: float = 2.0) -> torch.Tensor:
    """Noise with columns that are bright and dark in turn."""
    stripes = (torch.arange(SIDE) % 2 * 2 - 1) * strength
    return noise(count, 3, SIDE, SIDE, seed=seed) + stripes


def plain(count: int, seed: int) -> torch.Tensor:
    """Noise alone."""
    return noise(count, 3, SIDE, SIDE, seed=seed)


def ask(network=None, tcav=None, **more):
    """TCAV of stripes and of plain noise, small."""
    given = {
        "concepts": {"stripes": striped(12, 1), "nothing": plain(12, 6)},
        "random": plain(12 * 12, 3), "layers": ["relu2", "relu3"], **more,
    }  # fmt: skip
    return (tcav or xw.TCAV(size=12, pooling="mean"))(
        network or small_network(), plain(6, 4), 1, **given
    )
