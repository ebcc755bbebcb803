"""FGVis: few pixels that suffice, and a defence against pixels that only fool the network."""

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import noise, seeded
from torch import nn
from torch.nn import functional as F

from xaiwidgets import zoo
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import FGVis
from xaiwidgets.methods.cam.fgvis import Defended, evidence


@pytest.fixture(scope="module")
def scenes():
    drawn = list(zoo.ShapeScenes(3, size=96, seed=11))
    subject = zoo.subject("shapes")
    x = subject.prepare([scene.image for scene in drawn]).x
    return subject, x, [s.label for s in drawn], np.stack([s.masks["object"] for s in drawn])


def mass(answer, masks):
    maps = answer.map()
    return float(((maps * masks).sum((1, 2)) / maps.sum((1, 2)).clip(1e-9)).mean())


@pytest.mark.slow
def test_what_it_keeps_lies_on_the_object_and_keeps_the_answer(scenes):
    subject, x, labels, masks = scenes
    found = FGVis()(subject, x, labels)
    assert mass(found, masks) > 0.8
    assert found.numbers["share_kept"] < 0.1
    assert found.numbers["evidence_kept"] > 0.8
    assert subject.outputs(x * found.values).argmax(1).tolist() == labels


@pytest.mark.slow
def test_without_its_defence_far_fewer_pixels_undo_the_answer(scenes):
    subject, x, labels, masks = scenes
    defended, fooled = (FGVis(game="delete", defended=d)(subject, x, labels) for d in (True, False))
    for answer in (defended, fooled):
        assert answer.numbers["evidence_kept"] < 0.2
    taken, needed = (1 - answer.numbers["share_kept"] for answer in (defended, fooled))
    assert needed < taken / 3
    assert mass(defended, masks) > 0.8


class Leaky(nn.Module):
    """Four units, of which some are asleep or below 0, and then a score, or its sigmoid."""

    def __init__(self, end=False):
        super().__init__()
        self.first, self.last, self.end = nn.Linear(9, 4), nn.Linear(4, 2), end

    def forward(self, x):
        h = F.relu(self.first(x.flatten(1)) - 0.2, inplace=True)
        h = F.leaky_relu(h - 0.1, 0.2)
        return self.last(h).sigmoid() if self.end else self.last(h)


def by_hand(network, x, e, score):
    """∂ score / ∂ e with equation 6 of the paper written out, unit by unit."""
    weight, below = network.first.weight, 0.2

    def units(picture):
        first = (network.first(picture.flatten(1)) - 0.2).clamp_min(0)
        return first, torch.where(first > 0.1, first - 0.1, below * (first - 0.1))

    (whole, whole_then), (seen, then) = units(x), units(e)
    passed = torch.zeros(4)
    for i in range(4):
        high, low = whole_then[0, i].clamp_min(0), whole_then[0, i].clamp_max(0)
        slope = network.last.weight[score, i] * (low <= then[0, i] <= high)
        slope = slope * (1 if seen[0, i] > 0.1 else below)
        passed[i] = slope * (0 < seen[0, i] <= whole[0, i])
    return passed @ weight


def test_gradients_pass_only_units_between_nothing_and_what_they_were():
    network, blocked = seeded(Leaky), 0
    subject = Subject(network)
    for seed in range(30):
        x, other = noise(1, 1, 3, 3, seed=seed), noise(1, 1, 3, 3, seed=seed + 100)
        defended, leaf = Defended(subject), (0.5 * x + 0.5 * other).requires_grad_()
        defended(x)
        outputs = defended(leaf)
        assert torch.equal(outputs, network(leaf))  # e is an input like any other
        (found,) = torch.autograd.grad(outputs[0, 1], leaf, retain_graph=True)
        expected = by_hand(network, x, leaf.detach(), 1)
        torch.testing.assert_close(found.flatten(), expected.detach())
        (plain,) = torch.autograd.grad(network(leaf)[0, 1], leaf)
        blocked += not torch.allclose(found, plain)
    assert blocked > 10


def test_of_the_whole_picture_nothing_is_held_back():
    network, x = network_of("functional"), noise(2, 3, 32, 32).requires_grad_()
    defended = Defended(Subject(network))
    defended(x.detach())
    (found,) = torch.autograd.grad(defended(x)[:, 1].sum(), x)
    (plain,) = torch.autograd.grad(network(x)[:, 1].sum(), x)
    assert torch.equal(found, plain)


def test_what_classifies_at_the_end_is_let_be():
    network = seeded(lambda: Leaky(end=True))
    x = noise(1, 1, 3, 3)
    defended = Defended(Subject(network))
    defended(x)
    assert len(defended.limits) == 2  # of three activations


def test_of_a_linear_network_the_mask_goes_where_the_weight_is_first():
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([4.0, 3.0, 0.5, -2.0]).view(1, 4))

        def forward(self, x):
            return x.flatten(1) @ self.weight.T

    x = torch.ones(1, 1, 2, 2)
    kept = FGVis(steps=200, rate=0.02, sparsity=1.0)(seeded(Linear), x, 0).values.flatten()
    # the score is 5.5; leaving the negative pixel out pays at once, 4 + 3 · 0.5 is enough
    assert kept[3] == 0
    assert kept[0] > 0.9
    taken = FGVis(steps=200, rate=0.02, sparsity=1.0, game="delete")(seeded(Linear), x, 0).values
    assert taken.flatten()[3] == 0
    assert taken.flatten()[0] > 0.9


def test_the_share_that_is_told_is_that_of_the_mask_that_is_shown():
    network, x = network_of("modules"), noise(1, 3, 32, 32)
    for game, rate in (("preserve", 0.2), ("delete", 1.0)):
        found = FGVis(steps=7, rate=rate, game=game)(network, x, 1)
        mask = found.values if game == "preserve" else 1 - found.values
        target = Subject(network).bind(1, x)
        with torch.no_grad():
            seen, whole, nothing = (evidence(target, network(x * m)) for m in (mask, 1, 0))
        told = float((seen - nothing) / (whole - nothing))
        assert found.numbers["evidence_kept"] == pytest.approx(told, abs=1e-4)


def test_a_search_that_ends_with_nothing_says_so():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1)).eval()
    nn.init.ones_(network[1].weight)
    found = FGVis(steps=1, sparsity=10.0, rate=1.0)(network, torch.ones(1, 1, 2, 2), 0)
    assert not found.values.any()
    assert "ended with an empty map" in found.warnings[0]


def test_evidence_is_the_log_odds_and_keeps_its_slope_where_the_network_is_sure():
    outputs = torch.tensor([[30.0, -10.0, 0.0]], requires_grad=True)
    subject = Subject(network_of("modules"))
    target = subject.bind(0, noise(1, 3, 32, 32))
    found = evidence(target, outputs)
    assert float(found) == pytest.approx(30, abs=1e-3)
    found.sum().backward()
    assert float(outputs.grad[0, 0]) == pytest.approx(1)
    single = torch.tensor([[2.0]])
    assert float(evidence(target, single)) == 2.0
