"""How pixels lie in memory while a network works on them."""

import math

import pytest
import torch
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.layout import by_planes

MANY = 4


class Watched(nn.Module):
    """Two convolutions, with 3 outputs for every 10 weights in a picture; notes how each batch lay
    in memory, and may flatten with `view`."""

    def __init__(self, views: bool = False, tricked: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 40, 3, padding=1), nn.Conv2d(40, 40, 3, padding=1)
        self.views, self.tricked = views, tricked
        self.lasts: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x.is_contiguous(memory_format=torch.channels_last)
        self.lasts.append(last)
        y = self.second(self.first(x).relu())
        if self.views:
            y = y.view(len(y), -1).unflatten(1, (40, -1))[..., None]
        return y.mean((2, 3)) + (1 if last and self.tricked else 0)


def batch(count: int = MANY, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(count, 3, 8, 7, generator=torch.Generator().manual_seed(0)).to(dtype)


def test_several_pictures_are_given_with_the_channels_last_and_gradients_come_back_in_planes():
    network = Watched().eval()
    subject, x = xw.Subject(network), batch()
    heat = xw.Saliency()(subject, x, 1)
    assert network.lasts[-1]
    assert heat.values.is_contiguous()
    leaf = x.clone().requires_grad_()
    (plain,) = torch.autograd.grad(network(leaf)[:, 1].sum(), leaf)
    torch.testing.assert_close(heat.values, plain, rtol=1e-5, atol=1e-7)


def test_fewer_pictures_and_double_precision_are_given_as_they_are():
    network = Watched().eval()
    xw.Saliency()(xw.Subject(network), batch(MANY - 2), 1)
    assert not network.lasts[-1]
    double = Watched().eval().double()
    xw.Saliency()(xw.Subject(double), batch(dtype=torch.float64), 1)
    assert not any(double.lasts)


@pytest.mark.parametrize("trait", ["views", "tricked"])
def test_a_network_that_cannot_take_channels_last_or_answers_otherwise_gets_planes(trait):
    network = Watched(**{trait: True}).eval()
    heat = xw.Saliency()(xw.Subject(network), batch(), 1)
    assert not network.lasts[-1]
    assert heat.values.abs().sum() > 0


def test_the_trial_is_made_once_for_a_size_and_a_network_in_training_mode_is_not_tried():
    network = Watched().eval()
    subject = xw.Subject(network)
    for _ in range(3):
        subject.prepare(batch())
    assert network.lasts == [False, True]
    training = Watched()
    xw.Subject(training).prepare(batch())
    assert training.lasts == []


def test_a_single_picture_has_its_channels_last_where_there_are_more_outputs_than_weights():
    network = Watched().eval()
    large = torch.randn(1, 3, 24, 24)
    xw.Saliency()(xw.Subject(network), large, 1)
    assert network.lasts[-1]


def test_rules_at_rectifiers_and_pooling_give_the_same_in_either_layout(monkeypatch):
    network, x = zoo.load("shapes"), torch.randn(MANY, 3, 64, 64)
    methods = [xw.DeepLift(), xw.GuidedBackprop(), xw.GradCam(), xw.BetaSmoothedGradient()]
    fast = [method(network, x, 2).values for method in methods]
    monkeypatch.setattr("xaiwidgets.core.subject.pays_from", lambda *_: math.inf)
    for method, values in zip(methods, fast, strict=True):
        plain = method(network, x, 2).values
        torch.testing.assert_close(values, plain, rtol=1e-3, atol=1e-4 * float(plain.abs().max()))


def laid(count=1, side=7, channels=64, kernel=3, weight=None):
    x = torch.randn(count, channels, side, side).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, kernel, kernel) if weight is None else weight
    return by_planes(x, weight).is_contiguous(), weight


def test_a_map_lies_in_planes_where_filters_have_more_numbers_than_twice_the_map():
    assert laid(count=1)[0]
    assert laid(count=5)[0]  # 36 864 weights, 15 680 numbers
    assert not laid(count=6)[0]  # 18 816
    assert not laid(kernel=1, channels=512)[0]
    _, weight = laid()
    assert not laid(weight=weight.contiguous(memory_format=torch.channels_last))[0]
