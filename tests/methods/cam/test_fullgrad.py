"""FullGrad: every bias is counted, said or implied."""

import pytest
import torch
from conftest import inputs_for, network_of
from networks import ReluNetwork, noise, resnet18, seeded
from torch import nn
from torch.nn import functional as F

from xaiwidgets.methods import FullGrad


class Implied(nn.Module):
    """Biases that nobody wrote down: normalisations, constants, curves, and a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.gate, self.head = nn.Linear(6, 6), nn.Linear(6, 4)
        self.norm.running_mean.normal_(), self.norm.running_var.uniform_(0.5, 2)
        self.norm.weight.data.normal_(), self.norm.bias.data.normal_()

    def forward(self, x):
        x = F.gelu(self.norm(self.first((0.4 - x) / 0.2)), approximate="tanh")
        x = F.hardswish(x, inplace=True) + 0.1
        x *= torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        x -= 0.3
        return self.head(F.max_pool2d(x, 2).mean((2, 3))) * 2 + 1


@pytest.mark.parametrize("make", [lambda: ReluNetwork(bias=True), Implied, resnet18])
def test_all_terms_add_up_to_the_score(make):
    network, side = seeded(make), 48 if make is resnet18 else 8
    x = noise(3, 3, side, side, seed=4)
    assert FullGrad()(network, x, [0, 1, 2]).numbers["completeness_gap"] < 1e-4
    exact = FullGrad()(network.double(), x.double(), [0, 1, 2])
    assert exact.numbers["completeness_gap"] < 1e-12
    assert not exact.warnings


def test_what_it_does_not_know_is_measured_and_said():
    found = FullGrad()(network_of("vit"), inputs_for("vit"), 1)
    assert found.numbers["completeness_gap"] > 0.01
    assert "attention or layer normalisation" in found.warnings[0]


def test_the_map_is_the_papers_drawing_of_every_term():
    network = seeded(lambda: ReluNetwork(bias=True)).double()
    x = noise(1, 3, 8, 8, seed=4, dtype=torch.float64)
    outputs = []
    leaf, value = x.clone().requires_grad_(), None
    for module in network.body:
        value = module(leaf if value is None else value)
        outputs += [value] if hasattr(module, "bias") else []
    slopes = torch.autograd.grad(value[0, 2], [leaf, *outputs])
    biases = [m.bias for m in network.body if hasattr(m, "bias")]

    def drawn(term):
        found = 0
        for channel in term.abs():
            span = channel.max() - channel.min()
            if span > 0:
                each = ((channel - channel.min()) / span)[None, None]
                found = found + F.interpolate(each, (8, 8), mode="bilinear")[0, 0]
        return found

    terms = [(x * slopes[0])[0]]
    terms += [(b.view(-1, 1, 1) * s[0]) for b, s in zip(biases[:2], slopes[1:3], strict=True)]
    expected = sum(map(drawn, terms)).detach()
    answer = FullGrad()(network, x, 2)
    torch.testing.assert_close(answer.values[0, 0], expected, rtol=1e-12, atol=1e-13)
    assert [frame.label for frame in answer.frames] == ["input", "biases at 4×4", "biases at 8×8"]
    score = float(value[0, 2].detach())
    shares = [float(term.sum()) / abs(score) for term in (terms[0], terms[2], terms[1])]
    assert [frame.number for frame in answer.frames] == pytest.approx(shares)
