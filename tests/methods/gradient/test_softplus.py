import math

import pytest
import torch
from conftest import inputs_for, network_of
from networks import FunctionalNetwork, noise, seeded
from state import State
from torch import nn

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import BetaSmoothedGradient, GuidedBackprop, Saliency, Smoothing


def softplus(x, beta):
    """The formula, slow and plain."""
    return torch.log1p(torch.exp(-(beta * x).abs())) / beta + x.clamp_min(0)


class Plain(nn.Module):
    """A network that can be written out by hand, with its rectifier given."""

    def __init__(self, rectifier) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 6), nn.Linear(6, 3)
        for layer in (self.first, self.second):
            layer.weight.data, layer.bias.data = noise(*layer.weight.shape), noise(len(layer.bias))
        self.rectifier = rectifier
        self.double().eval()

    def forward(self, x):
        return self.second(self.rectifier(self.first(x.flatten(1))))


X = noise(4, 3, 2, 2, seed=3).double()


@pytest.mark.parametrize("beta", [0.5, 3.0, 20.0])
@pytest.mark.parametrize(
    "rectifier",
    [torch.relu, nn.ReLU(inplace=True), lambda x: x.clamp(min=0), lambda x: x.clone().relu_()],
    ids=["function", "module in place", "clamp", "in place"],
)
def test_every_relu_answers_with_the_softplus_of_the_formula(rectifier, beta):
    expected = Plain(lambda x: softplus(x, beta))
    subject = Smoothing(Subject(Plain(rectifier)), beta)
    assert torch.allclose(subject.outputs(X), expected(X), atol=1e-8)
    leaf = X.clone().requires_grad_()
    expected(leaf)[:, 1].sum().backward()
    gradient = BetaSmoothedGradient(beta=beta)(Subject(Plain(rectifier)), X, 1).values
    assert torch.allclose(gradient, leaf.grad, atol=1e-7)


def test_an_upper_end_is_rounded_off_as_well():
    expected = Plain(lambda x: softplus(x, 2.0) - softplus(x - 6, 2.0))
    for rectifier in (nn.ReLU6(), nn.Hardtanh(0, 6), lambda x: x.clamp(0, 6)):
        subject = Smoothing(Subject(Plain(rectifier)), 2.0)
        assert torch.allclose(subject.outputs(X), expected(X), atol=1e-8)


def test_what_does_not_cut_at_zero_is_left_alone():
    for rectifier in (nn.Hardtanh(-1, 1), lambda x: x.clamp(min=0.5), nn.GELU()):
        plain = Plain(rectifier)
        assert torch.equal(Smoothing(Subject(plain), 1.0).outputs(X), plain(X))
    answer = BetaSmoothedGradient()(Plain(nn.GELU()), X, 0)
    assert "no ReLU" in answer.warnings[0]


def test_at_zero_it_is_log_2_over_beta_with_slope_one_half():
    class Bare(nn.Module):
        def forward(self, x):
            return torch.relu(x).sum((2, 3))

    x = torch.zeros(1, 1, 1, 1)
    smooth = Smoothing(Subject(Bare().eval()), 4.0)
    assert smooth.outputs(x).item() == pytest.approx(math.log(2) / 4)
    assert BetaSmoothedGradient(beta=4)(Bare().eval(), x, 0).values.item() == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["modules", "functional", "resnet18"])
def test_the_larger_beta_the_nearer_to_the_plain_gradient(name):
    network, x = network_of(name), inputs_for(name)
    plain = Saliency()(network, x, 1).values
    far = [
        float((BetaSmoothedGradient(beta=beta)(network, x, 1).values - plain).norm())
        for beta in (1, 10, 100)
    ]
    assert far[0] > far[1] > far[2]


def test_it_can_be_differentiated_twice():
    smooth = Smoothing(Subject(seeded(FunctionalNetwork).double()), 5.0)
    x = inputs_for("functional", 1).double()
    way, step = noise(*x.shape, seed=5).double(), 1e-5
    leaf = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(smooth(leaf)[:, 2].sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((first * way).sum(), leaf)

    def gradient(at):
        return smooth.gradient(at, smooth.bind(2, at))

    numeric = (gradient(x + step * way) - gradient(x - step * way)) / (2 * step)
    assert second.abs().max() > 0
    assert torch.allclose(second, numeric, rtol=1e-4, atol=1e-6)


def test_the_network_and_its_subject_are_left_as_they_were():
    network, x = network_of("functional"), inputs_for("functional")
    subject = Subject(network)
    before, state, title = subject.outputs(x), State(network), subject.title
    smooth = Smoothing(subject, 1.0)
    assert not torch.equal(smooth.outputs(x), before)
    assert torch.equal(subject.outputs(x), before)
    assert (subject.title, smooth.title) == (title, f"{title}, β = 1")
    assert smooth.key != Smoothing(subject, 2.0).key
    assert smooth.met == 3
    state.assert_unchanged()


def test_other_methods_explain_the_smoothed_network():
    network, x = network_of("modules"), inputs_for("modules")
    smooth = Smoothing(Subject(network), 2.0)
    assert torch.equal(
        Saliency()(smooth, x, 1).values, BetaSmoothedGradient(beta=2)(network, x, 1).values
    )
    guided = GuidedBackprop()(smooth, x, 1)
    assert "no ReLU" in guided.warnings[0]  # there is none left
    assert torch.equal(guided.values, Saliency()(smooth, x, 1).values)
