"""Pictures whose masks are known, and layers whose units are those masks."""

import numpy as np
import torch
from torch import nn

import xaiwidgets as xw

SIDE, CONCEPTS = 32, ("colour:red", "colour:green", "colour:blue")


def scenes(count: int, seed: int = 0, side: int = SIDE):
    """Pictures with a red, a green and a blue rectangle in noise, here and there, and where."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        picture = rng.random((3, side, side), np.float32) * 0.2
        masks = {}
        for channel, name in enumerate(CONCEPTS):
            if rng.random() < 0.6:
                top, left = rng.integers(0, side - 6, 2)
                mask = np.zeros((side, side), bool)
                mask[top : top + rng.integers(2, 6), left : left + rng.integers(2, 6)] = True
                picture[channel][mask] += 1
                masks[name] = mask
        found.append((torch.from_numpy(picture), masks))
    return found


class Colours(nn.Module):
    """Its first layer's units are the colours, at the size of the picture or coarser."""

    def __init__(self, pool: int = 1) -> None:
        super().__init__()
        self.colours = nn.Identity()
        self.pool = nn.AvgPool2d(pool)
        self.mixed = nn.Conv2d(3, 6, 3, padding=1)
        self.linear = nn.Linear(6, 4)

    def forward(self, x):
        x = self.pool(self.colours(x))
        return self.linear(self.mixed(x).relu().mean((2, 3)))


def dissect(network, data, layers, **settings):
    """Dissection with the smaller settings of tests."""
    call = {k: settings.pop(k) for k in ("folder", "executor", "concepts", "cancel", "progress")
            if k in settings}  # fmt: skip
    settings = {"quantile": 0.02, "shuffles": 3, **settings}
    return xw.NetworkDissection(**settings)(network, data, layers, **call)
