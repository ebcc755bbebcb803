"""The words under each step of a strip that is left behind."""

import pytest
import torch

from xaiwidgets.core.answers import Frame
from xaiwidgets.widgets.below_maps import _step


@pytest.mark.parametrize(
    ("number", "words"),
    [(0.526, "conv-4: 0.53"), (-0.13, "conv-4: −0.13"), (-0.001, "conv-4: 0.00"),
     (float("nan"), "conv-4"), (None, "conv-4")],
)  # fmt: skip
def test_a_step_has_its_number_where_it_has_one(number, words):
    assert _step(Frame("conv-4", torch.zeros(1, 1, 2, 2), number)) == words
