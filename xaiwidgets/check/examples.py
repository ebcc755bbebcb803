"""What students' work is tried on: small seeded networks and inputs that give mistakes away.

The network for pictures is the zoo's in small, with the same names for its layers, but its last
maps keep their places: behind an average over all of them a gradient is the same everywhere, and
who forgets to average it would not be found out. Pictures are not square, and biases not 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.training import seeded
from xaiwidgets.zoo import SmallCNN

CLASSES = 5


def normal(seed: int, count: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Normal noise, (count, *shape)."""
    return torch.randn(count, *shape, generator=_drawing(seed))


def pictures(seed: int, count: int = 2) -> torch.Tensor:
    """Blotches with a little noise, (count, 3, 24, 32)."""
    coarse = normal(seed, count, (3, 6, 8))
    return F.interpolate(coarse, scale_factor=4, mode="bilinear") + 0.2 * normal(
        seed + 1, count, (3, 24, 32)
    )


def picture_subject(seed: int) -> Subject:
    """A convolutional network with layers called as the zoo's are, and random weights."""
    with seeded(seed):
        network = SmallCNN(CLASSES, (4, 6, 8, 10), strides=(1, 1))
        network.average = nn.AdaptiveAvgPool2d(2)
        network.linear = nn.Linear(4 * 10, CLASSES)
        _with_biases(network)
        _with_opinions(network, pictures(seed + 2, 32))
    return Subject(network.eval(), title="the check's network")


def _with_opinions(network: SmallCNN, typical: torch.Tensor) -> None:
    """Turn the last layer so that typical pictures get differing classes, and maps of both signs:
    what all pictures have in common counts for no class, and scores vary by about 1."""
    kept: list[torch.Tensor] = []
    hook = network.linear.register_forward_pre_hook(lambda layer, given: kept.append(given[0]))
    with torch.no_grad():
        network(typical)
        hook.remove()
        common = kept[0].mean(0)
        weight = network.linear.weight
        weight -= torch.outer(weight @ common, common) / common.square().sum()
        weight /= (kept[0] @ weight.T).std(0)[:, None]


def dense_subject(seed: int, bias: bool = True) -> Subject:
    """Linear layers and ReLUs in a row, with random weights; takes (batch, 3, 4, 5)."""
    with seeded(seed):
        network = nn.Sequential(
            nn.Flatten(), nn.Linear(60, 16, bias), nn.ReLU(), nn.Linear(16, 12, bias), nn.ReLU(),
            nn.Linear(12, CLASSES, bias),
        )  # fmt: skip
        _with_biases(network)
    return Subject(network.eval(), title="the check's dense network")


def dense_inputs(seed: int, count: int = 2) -> torch.Tensor:
    """Inputs for the dense network."""
    return normal(seed, count, (3, 4, 5))


class Cubic(nn.Module):
    """f_k(x) = Σ w_k x³ ÷ 3, whose gradient under noise is known: E[w (x + ε)²] = w (x² + σ²)."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.pow(3).flatten(1) @ self.weights.flatten(1).T / 3


def cubic_subject(seed: int, shape: tuple[int, ...] = (3, 32, 32)) -> Subject:
    """Two classes of the cubic network; weights lie between ½ and 1½, half of them negative."""
    drawing = _drawing(seed)
    size = 0.5 + torch.rand(2, *shape, generator=drawing)
    sign = torch.randint(0, 2, (2, *shape), generator=drawing) * 2 - 1
    return Subject(Cubic(size * sign).eval(), title="the check's cubic network")


def other_classes(subject: Subject, x: torch.Tensor) -> list[int]:
    """For each input a class that it is not given, another one for each while there are some: who
    explains the predicted class is found out, and who mixes the inputs of a batch."""
    chosen: list[int] = []
    for order in subject.outputs(x).argsort(1).tolist():
        chosen.append(next((index for index in order if index not in chosen), order[0]))
    return chosen


def _drawing(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _with_biases(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.3)
