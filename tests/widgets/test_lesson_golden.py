"""Python and an exported page say the same: tests/golden/lesson.json; js/tests/lesson.test.tsx."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from xaiwidgets.core.marks import marked
from xaiwidgets.evaluation import region_overlap
from xaiwidgets.widgets.blind import standings
from xaiwidgets.widgets.code import lesson_answers

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lesson.json").read_text("utf-8"))
SIZE = tuple(GOLDEN["size"])


def near(value, expected):
    return math.isnan(value) if expected is None else value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", GOLDEN["shapes"])
def test_shapes_cover_their_pixels(name):
    found = marked(GOLDEN["shapes"][name], SIZE)
    assert np.flatnonzero(found).tolist() == GOLDEN["marked"][name]


@pytest.mark.parametrize("case", GOLDEN["overlaps"], ids=lambda c: f"{c['map']}, {c['shapes']}")
def test_maps_lie_in_regions(case):
    values = np.array(GOLDEN["maps"][case["map"]], np.float32).reshape(SIZE)
    found = region_overlap(values, marked(GOLDEN["shapes"][case["shapes"]], SIZE))
    for name in ("share", "iou", "hit", "area"):
        assert near(getattr(found, name), case[name]), name


@pytest.mark.parametrize("case", GOLDEN["standings"], ids=str)
def test_votes_are_counted(case):
    votes = {int(index): vote for index, vote in case["votes"].items()}
    assert standings(GOLDEN["names"], votes) == [tuple(row) for row in case["rows"]]


@pytest.mark.parametrize("case", GOLDEN["answers"], ids=lambda case: case["said"])
def test_answers_are_written_as_arguments(case):
    ballots = case["ballots"].items()
    told = {
        "marked": {int(i): mark for i, mark in case["marks"].items() if mark},
        "vote": {int(i): ballot["vote"] for i, ballot in ballots},
        "reason": {int(i): ballot["reason"] for i, ballot in ballots if ballot["reason"]},
    }
    assert lesson_answers(told, case["count"]) == case["said"]
