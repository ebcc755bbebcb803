"""Receptive fields are measured: on chains, where a formula knows them, and where none does."""

import pytest
import torch
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.methods.concepts import receptive_fields


def fields(network, x, *names):
    subject = xw.Subject(network.eval())
    known = subject.layers(x)
    return receptive_fields(subject, x, [known[name] for name in names])


def by_formula(parts, size, cells):
    """First and last pixel of every cell behind a chain of (kernel, stride, padding)."""
    reach, jump, start = 1, 1, 0
    for kernel, stride, padding in parts:
        start -= padding * jump
        reach += (kernel - 1) * jump
        jump *= stride
    spans = [(start + i * jump, start + i * jump + reach) for i in range(cells)]
    return [[max(0, low), min(size, high)] for low, high in spans]


def test_a_chain_of_convolutions_and_pooling_sees_what_the_formula_says():
    found = fields(zoo.load("shapes"), torch.rand(1, 3, 64, 96), "conv2", "relu4")
    chain = [(5, 2, 2), (3, 2, 1)]
    assert found["conv2"].rows.tolist() == by_formula(chain, 64, 16)
    assert found["conv2"].columns.tolist() == by_formula(chain, 96, 24)
    chain += [(3, 1, 1), (2, 2, 0), (3, 1, 1)]
    assert found["relu4"].rows.tolist() == by_formula(chain, 64, 8)
    assert found["relu4"].columns.tolist() == by_formula(chain, 96, 12)
    rows, columns = found["relu4"].rows, found["relu4"].columns
    assert found["relu4"].box(4, 5) == (rows[4][0], columns[5][0], rows[4][1], columns[5][1])


class Roundabout(nn.Module):
    """Ways of several lengths that functions join: no chain."""

    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(3, 4, 1)
        self.far = nn.Conv2d(3, 4, 3, padding=4, dilation=4)
        self.out = nn.Conv2d(4, 5, 2, stride=2)

    def forward(self, x):
        y = self.near(x) + torch.roll(self.far(x), 3, dims=3)
        return self.out(y).mean((2, 3))


def test_ways_that_no_formula_joins_are_measured_as_gradients_find_them():
    torch.manual_seed(0)
    network = Roundabout().double().eval()
    x = torch.rand(1, 3, 16, 24, dtype=torch.double)
    (found,) = fields(network, x, "out").values()
    leaf = x.clone().requires_grad_()
    maps = network.out(network.near(leaf) + torch.roll(network.far(leaf), 3, dims=3))
    for row, column in ((0, 0), (3, 7), (7, 11)):
        (gradient,) = torch.autograd.grad(maps[0, :, row, column].sum(), leaf, retain_graph=True)
        ys, xs = (gradient[0].abs().sum(0) > 0).nonzero(as_tuple=True)
        box = (int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1)
        assert found.box(row, column) == box


class Gated(nn.Module):
    """Every cell is scaled by a mean over the whole picture."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.gated = nn.Identity()

    def forward(self, x):
        y = self.conv(x)
        return self.gated(y * y.mean((2, 3), keepdim=True).sigmoid()).mean((2, 3))


def test_a_gate_over_the_whole_picture_lets_every_cell_see_all_of_it():
    found = fields(Gated(), torch.rand(1, 3, 12, 10), "conv", "gated")
    assert found["conv"].box(5, 5) == (4, 4, 7, 7)
    assert found["gated"].box(5, 5) == (0, 0, 12, 10)


def test_a_layer_without_a_map_sees_the_whole_picture():
    (found,) = fields(zoo.load("shapes"), torch.rand(1, 3, 64, 64), "linear").values()
    assert found.box(0, 0) == (0, 0, 64, 64)


class Swallowing(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(torch.nan_to_num(x)).mean((2, 3))


def test_a_network_that_swallows_nan_is_told_so():
    with pytest.raises(xw.ExplainError, match="'conv' cannot be measured: the network swallows"):
        fields(Swallowing(), torch.rand(1, 3, 12, 12), "conv")
