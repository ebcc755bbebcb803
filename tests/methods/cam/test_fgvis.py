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
from xaiwidgets.methods.cam.fgvis import evidence


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


def test_activations_stay_between_nothing_and_what_they_were():
    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
            self.seen = []

        def forward(self, x):
            y = F.relu(self.first(x), inplace=True)
            y = F.leaky_relu(y - 0.1, 0.2)
            self.seen.append(y.detach().clone())
            return self.head(y.mean((2, 3)))

    network, x = seeded(Watched), noise(1, 3, 6, 6, seed=3)
    subject = Subject(network)
    target = subject.bind(1, x)
    network.seen.clear()
    FGVis(steps=6, rate=0.5).attribute(subject, x, target)
    whole, *others = network.seen
    assert len(others) == 7
    for each in others:
        assert (each <= whole.clamp_min(0) + 1e-6).all()
        assert (each >= whole.clamp_max(0) - 1e-6).all()
    network.seen.clear()
    FGVis(steps=6, rate=0.5, defended=False).attribute(subject, x, target)
    whole, *others = network.seen
    assert any((each > whole.clamp_min(0) + 1e-6).any() for each in others)


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
