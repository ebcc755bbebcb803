"""A small network of doubles whose forward pass a test writes itself, and its relevance."""

import torch
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw


class Parts(nn.Module):
    """The layers that the networks here share; `written` is the forward pass."""

    def __init__(self, written):
        super().__init__()
        self.written = written
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 4)
        self.relu, self.pool, self.flat = nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.inplace = nn.ReLU(inplace=True)
        nn.init.normal_(self.norm.running_mean, 0, 0.2)
        nn.init.normal_(self.norm.weight, 1, 0.3)

    def forward(self, x):
        return self.written(self, x)


def network(written):
    """The parts in doubles, joined in this way."""
    return seeded(lambda: Parts(written), seed=3).double()


def found(network, x, preset="ε-plus-flat", target=2):
    return xw.LRP(preset=preset)(network, x, target).values


def apart(a, b):
    return float((a - b).abs().max() / b.abs().max())


def two_pictures():
    return noise(2, 3, 8, 8, seed=4, dtype=torch.float64)


def with_modules(net, x):
    x = net.relu(net.norm(net.first(x)))
    x = x + net.relu(net.second(x))
    return net.head(net.flat(net.pool(x)))
