"""Norms by the input's own statistics: the spread counts as a constant, the mean does not."""

import pytest
import torch
import torch.nn.functional as F
from methods.relevance.parts import apart, network, two_pictures
from networks import noise
from torch import nn

import xaiwidgets as xw

LAST, CHANNELS = (noise(1 + k, 8, seed=k, dtype=torch.float64)[-1] for k in range(2))
CHANNELS = CHANNELS[:6]


def held(x, dims, eps, centres=True):
    """The norm by hand, its spread detached."""
    x = x - x.mean(dims, keepdim=True) if centres else x
    return x / (x.square().mean(dims, keepdim=True) + eps).sqrt().detach()


def by_channel(values):
    return values.view(-1, 1, 1)


def of_groups(x, groups, eps):
    return held(x.unflatten(1, (groups, -1)), (2, 3, 4), eps).flatten(1, 2)


NORMS = {
    "layer": (lambda x: F.layer_norm(x, (8,), LAST, LAST + 1, 0.1),
              lambda x: held(x, -1, 0.1) * LAST + LAST + 1),
    "layer, two axes": (lambda x: F.layer_norm(x, (8, 8)), lambda x: held(x, (-2, -1), 1e-5)),
    "layer, a module": (nn.LayerNorm((6, 8, 8), eps=0.3).double(),
                        lambda x: held(x, (1, 2, 3), 0.3)),
    "RMS": (lambda x: F.rms_norm(x, (8,), LAST, 0.1), lambda x: held(x, -1, 0.1, False) * LAST),
    "RMS, its own eps": (lambda x: F.rms_norm(x * 1e-7, (8,)),
                         lambda x: held(x * 1e-7, -1, torch.finfo(x.dtype).eps, False)),
    "group": (lambda x: F.group_norm(x, 3, CHANNELS, CHANNELS + 1, 0.1),
              lambda x: of_groups(x, 3, 0.1) * by_channel(CHANNELS) + by_channel(CHANNELS + 1)),
    "group, a module": (nn.GroupNorm(2, 6, eps=0.2).double(), lambda x: of_groups(x, 2, 0.2)),
    "instance": (lambda x: F.instance_norm(x, weight=CHANNELS, bias=CHANNELS + 1, eps=0.1),
                 lambda x: held(x, (2, 3), 0.1) * by_channel(CHANNELS) + by_channel(CHANNELS + 1)),
    "instance, known statistics": (
        lambda x: F.instance_norm(x, CHANNELS, CHANNELS.square(), use_input_stats=False),
        lambda x: (x - by_channel(CHANNELS)) / by_channel(CHANNELS.square() + 1e-5).sqrt(),
    ),
    "batch, its own statistics": (
        nn.BatchNorm2d(6, eps=0.2, track_running_stats=False).double().eval(),
        lambda x: held(x, (0, 2, 3), 0.2),
    ),
    "a length of 1": (lambda x: F.normalize(x, dim=1),
                      lambda x: x / x.norm(dim=1, keepdim=True).detach()),
    "a spread of 1": (lambda x: x / x.std(1, keepdim=True),
                      lambda x: x / x.std(1, keepdim=True).detach()),
}  # fmt: skip


def around(norm):
    return lambda net, x: net.head(F.relu(norm(F.relu(net.first(x)))).mean((2, 3)))


@pytest.mark.parametrize("name", list(NORMS))
def test_a_norm_shares_as_if_its_spread_were_constant(name):
    norm, by_hand = NORMS[name]
    x = two_pictures()
    leaf = x.clone().requires_grad_()
    scores = network(around(by_hand))(leaf)
    (slope,) = torch.autograd.grad(scores[:, 2].sum(), leaf)
    net = network(around(norm))
    torch.testing.assert_close(net(x), scores)
    answer = xw.LRP(preset="LRP-0")(net, x, 2)
    assert apart(answer.values, slope * x) <= 1e-10
    assert answer.warnings == []
