"""Where cells lie in the picture: against gradients, and against interpolation by hand."""

import numpy as np
import pytest
import torch
from networks import noise, seeded
from torch import nn
from torch.nn import functional as F

import xaiwidgets as xw
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.methods.concepts.dissection.anchors import Grid, Spacing, parts_of
from xaiwidgets.methods.concepts.dissection.receptive import receptive_centres


class Sliding(nn.Module):
    """Convolutions and pooling of many kinds, some of them functional, and a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 5, stride=2, padding=1)
        self.dilated = nn.Conv2d(4, 4, 3, padding="same", dilation=2)
        self.even = nn.Conv2d(4, 4, (2, 4), padding=(0, 1), stride=(1, 2))
        self.last = nn.Identity()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        x = self.stem(x)
        x = self.dilated(x) + x
        x = F.avg_pool2d(F.max_pool2d(x, 3, 2, 1), 2, stride=1)
        x = self.last(self.even(x).relu_())
        return self.head(x.mean((2, 3)))


def centre(network, x, layer, row, column):
    """The middle of what a cell sees, by the gradient: (down, across)."""
    subject = xw.Subject(network)
    total = 0
    for seed in range(4):
        leaf = (x + noise(*x.shape, seed=seed)).requires_grad_()
        out = layer_outputs(subject, leaf, [layer], differentiable=True)[0][layer]
        (grad,) = torch.autograd.grad(out[0, :, row, column].sum(), leaf)
        total = total + grad.abs().sum((0, 1))
    return [float(np.mean(np.flatnonzero(total.sum(1 - axis))[[0, -1]])) for axis in (0, 1)]


@pytest.mark.parametrize("layer", ["stem", "dilated"])
def test_centres_are_in_the_middle_of_what_gradients_reach(layer):
    network, x = seeded(Sliding).eval(), noise(1, 3, 65, 71)
    down, across = receptive_centres(xw.Subject(network), x, [layer])[layer]
    for row, column in ((6, 9), (7, 10)):
        assert centre(network, x, layer, row, column) == [
            down.first + row * down.step, across.first + column * across.step
        ]  # fmt: skip


def test_centres_behind_pooling_are_those_of_the_arithmetic():
    network, x = seeded(Sliding).eval(), noise(1, 3, 65, 71)
    found = receptive_centres(xw.Subject(network), x, ["last"])["last"]
    # stem: 1 + 2i; max pooling: the same, 4 apart; average: half a cell on; even: (2, 4) wide
    assert found == (Spacing(1 + 2 + 2, 4), Spacing(1 + 2 + 2, 8))


def test_a_map_is_interpolated_between_its_anchors_and_goes_on_as_it_ends():
    sides = Spacing(1.0, 4.0), Spacing(2.5, 3.0)
    maps = np.random.default_rng(0).standard_normal((2, 3, 4))
    raised = Grid.of((3, 4), (13, 15), sides, (13, 15)).raised(maps)
    for i, j in ((1, 4), (0, 0), (7, 8), (12, 14)):
        down, across = np.clip((i - 1.0) / 4, 0, 2), np.clip((j - 2.5) / 3, 0, 3)
        r, c = min(int(down), 1), min(int(across), 2)
        a, b = down - r, across - c
        expected = (
            maps[:, r, c] * (1 - a) * (1 - b) + maps[:, r, c + 1] * (1 - a) * b
            + maps[:, r + 1, c] * a * (1 - b) + maps[:, r + 1, c + 1] * a * b
        )  # fmt: skip
        assert raised[:, i, j] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cells", "size"), [((3, 4), (24, 32)), ((1, 5), (7, 11)), ((6, 6), (4, 5))]
)
def test_equal_parts_are_what_torch_interpolates(cells, size):
    maps = np.random.default_rng(1).standard_normal((2, *cells))
    raised = Grid.of(cells, size, parts_of(cells, (50, 40)), (50, 40)).raised(maps)
    expected = F.interpolate(torch.from_numpy(maps)[None], size, mode="bilinear")[0]
    assert raised == pytest.approx(expected.numpy())


def test_layers_that_cannot_be_followed_are_left_out():
    network = nn.Sequential(nn.ConvTranspose2d(3, 2, 4, 2), nn.Flatten()).eval()
    assert receptive_centres(xw.Subject(network), noise(1, 3, 8, 8), ["0"]) == {}
