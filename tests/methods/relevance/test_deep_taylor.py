"""Deep Taylor and excitation backprop: what they keep, and what they cannot tell apart."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks import ReluNetwork, noise, seeded
from torch import nn

from benchmarks.relevance import pairs, shares
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import DeepTaylor, ExcitationBackprop


def _positive_class(network, x):
    """A class with a positive score for every input (batch,)."""
    scores = network(x).detach()
    assert (scores.amax(1) > 0).all()
    return scores.argmax(1).tolist(), scores.amax(1)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("pixels", ["zᴮ", "w²"])
def test_relevance_is_positive_and_adds_up_to_the_score(pixels, bias):
    network = seeded(lambda: ReluNetwork(bias))
    x = noise(8, 3, 8, 8).clamp(-2, 2)
    classes, scores = _positive_class(network, x)
    found = DeepTaylor(pixels=pixels)(network, x, classes).values
    assert float(found.min()) >= -1e-7
    if not bias:  # a unit that only its bias switched on has no input to pass relevance to
        assert torch.allclose(found.sum((1, 2, 3)), scores, rtol=1e-5)


def test_a_dense_network_by_hand():
    network = (
        nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 1)).double().eval()
    )
    w = torch.tensor([[1.0, -2, 3, 0], [2, 1, 0, -1]], dtype=torch.float64)
    v = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
    with torch.no_grad():
        network[1].weight.copy_(w), network[1].bias.fill_(-0.25)
        network[3].weight.copy_(v), network[3].bias.fill_(7.0)
    x = torch.tensor([1.0, 0.5, 2, 1], dtype=torch.float64)
    hidden, score = F.relu(w @ x - 0.25), float(network(x.view(1, 1, 2, 2)).detach())
    upper = torch.zeros(2, dtype=torch.float64)
    upper[0] = score  # the second weight is negative: the first unit takes all
    squared = w.square()
    expected = (squared / squared.sum(1, keepdim=True) * upper[:, None]).sum(0)
    found = DeepTaylor(pixels="w²")(Subject(network), x.view(1, 1, 2, 2), 0).values.flatten()
    assert hidden.min() > 0
    assert torch.allclose(found, expected, rtol=1e-5)


def test_excitation_backprop_spreads_a_chance_of_one():
    network, x = seeded(lambda: ReluNetwork(False)), noise(4, 3, 8, 8).abs()
    found = ExcitationBackprop(contrastive=False)(network, x, [0, 1, 2, 3]).values
    assert float(found.min()) >= 0
    assert torch.allclose(found.sum((1, 2, 3)), torch.ones(4), rtol=1e-4)


def test_the_contrast_is_the_walk_of_the_class_less_that_of_its_opposite():
    network, x = seeded(lambda: ReluNetwork(False)), noise(2, 3, 8, 8).abs()
    opposite = seeded(lambda: ReluNetwork(False))
    with torch.no_grad():
        opposite.body[-1].weight.neg_()
    walk = ExcitationBackprop(contrastive=False)
    expected = (walk(network, x, 1).values - walk(opposite, x, 1).values).clamp_min(0)
    assert torch.allclose(ExcitationBackprop()(network, x, 1).values, expected, atol=1e-6)
    assert float(expected.max()) > 1e-3


def test_deep_taylor_hardly_tells_two_objects_apart_and_the_contrast_does():
    data = pairs(10)
    plain = np.mean(shares(DeepTaylor(), data))
    assert 0.4 < plain < 0.75
    assert np.mean(shares(ExcitationBackprop(contrastive=False), data)) < 0.75
    assert np.mean(shares(ExcitationBackprop(), data)) > plain + 0.25
