"""Badges: four questions to one explanation."""

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import noise
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.errors import Cancelled
from xaiwidgets.core.job import CancelToken
from xaiwidgets.evaluation.trust import _graded, badges


class Corner(nn.Module):
    """The score of class 1 is the brightness of the upper left corner, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 5.0]))

    def forward(self, x):
        corner = x[:, :, :6, :6].mean((1, 2, 3))
        return torch.stack([self.weight[0] - corner, self.weight[1] * corner], 1)


def by_question(found):
    return {badge.question: badge for badge in found}


def corner_mask():
    mask = np.zeros((24, 24), bool)
    mask[:6, :6] = True
    return mask


def test_a_right_map_earns_its_badges():
    x = noise(1, 3, 24, 24).abs() + 0.5
    method = xw.GradientTimesInput()
    found = by_question(badges(Corner().eval(), x, method, 1, masks=corner_mask()))
    assert found["faithfulness"].verdict == "good"
    assert found["localisation"].verdict == "good"
    assert found["localisation"].value == pytest.approx(16.0)
    assert "100 % of its evidence" in found["localisation"].sentence


def test_a_map_of_the_wrong_corner_does_not():
    x = noise(1, 3, 24, 24).abs() + 0.5

    def wrong(subject, x, target):
        return torch.flip(x * subject.gradient(x, target), (2, 3))

    found = by_question(badges(Corner().eval(), x, wrong, 1, masks=corner_mask()))
    assert found["faithfulness"].verdict == "poor"
    assert found["localisation"].verdict == "poor"


def test_what_never_asks_the_network_is_found_out():
    found = by_question(badges(network_of("functional"), inputs_for("functional"), xw.EdgeDetector))
    assert found["sanity"].verdict == "poor"
    assert found["sanity"].value == pytest.approx(1)
    assert "localisation" not in found


def test_values_leave_what_explains_anew_unknown_and_say_so():
    x = inputs_for("modules", 1)
    found = by_question(badges(network_of("modules"), x, np.random.default_rng(0).random((32, 32))))
    assert found["sanity"].verdict == found["stability"].verdict == "unknown"
    assert "explains anew" in found["sanity"].sentence
    assert found["faithfulness"].verdict != "unknown"
    assert np.isnan(found["stability"].value)


def test_progress_rises_and_cancel_stops():
    x, shares, token = inputs_for("modules"), [], CancelToken()
    badges(network_of("modules"), x, xw.Saliency(), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    with pytest.raises(Cancelled):
        badges(
            network_of("modules"), x, xw.Saliency(), progress=lambda share: token.cancel(),
            cancel=token,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "good", "poor", "said"),
    [
        (0.3, 0.4, 0.7, "good"), (0.5, 0.4, 0.7, "doubtful"), (0.8, 0.4, 0.7, "poor"),
        (3.0, 2.0, 1.0, "good"), (1.5, 2.0, 1.0, "doubtful"), (0.5, 2.0, 1.0, "poor"),
    ],
)  # fmt: skip
def test_a_verdict_follows_from_two_limits(value, good, poor, said):
    assert _graded(value, good, poor) == said
