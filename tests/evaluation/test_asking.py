"""What an evaluation asks: a copy made ready for many passes, with the same grades."""

import numpy as np
import pytest
import torch
from networks import ResidualNetwork, noise, seeded
from torch import nn

from xaiwidgets import evaluation
from xaiwidgets.core.subject import Subject

MANY = (
    evaluation.Deletion(), evaluation.Insertion(), evaluation.PixelFlipping(steps=40, controls=1),
    evaluation.Infidelity(samples=40), evaluation.FaithfulnessCorrelation(samples=40),
)  # fmt: skip


@pytest.mark.parametrize("test", MANY, ids=lambda test: type(test).__name__)
def test_evaluations_that_ask_for_many_scores_ask_a_copy_and_give_the_same_grades(
    test, monkeypatch
):
    network, x = seeded(ResidualNetwork).double(), noise(2, 3, 32, 32, dtype=torch.float64)
    values, made, ready = noise(2, 32, 32, seed=1), [], Subject.quick

    def quick(self, x, *rows, **more):
        made.append(ready(self, x, *rows, **more))
        return made[-1]

    monkeypatch.setattr(Subject, "quick", quick)
    found = test(network, x, values, [0, 1]).values
    assert made
    for subject in made:
        assert not any(isinstance(module, nn.BatchNorm2d) for module in subject.model.modules())
    monkeypatch.setattr(Subject, "quick", lambda self, *_, **__: self)
    plain = test(network, x, values, [0, 1]).values
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-12)
