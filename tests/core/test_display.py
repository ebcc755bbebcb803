"""Python's drawing meets the golden file that the page meets too."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from xaiwidgets.core import display
from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import ExplainError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "display.json").read_text())


def golden_map(name):
    entry = GOLDEN["maps"][name]
    return np.array(entry["values"], dtype=np.float64).reshape(entry["shape"])


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda c: f"{c['map']}-{c['sign']}-{c['clip']}"
)
def test_limits_indices_and_thresholds_are_those_of_the_page(case):
    values = display.smooth(golden_map(case["map"]), case["smoothing"])
    part = display.take_sign(values, case["sign"])
    limit = display.limit_of(part, case["clip"])
    assert limit == pytest.approx(case["limit"], rel=1e-9, abs=1e-12)
    assert display.threshold_of(part, case["keep"]) == pytest.approx(case["threshold"], abs=1e-12)
    higher = display.above(part, case["contour"])
    sure = np.abs(np.abs(part) - case["level"]) > 1e-9
    assert np.array_equal(higher[sure], (np.abs(part) > case["level"])[sure])
    for kind, diverging in (("diverging", True), ("sequential", False)):
        ours = display.colour_index(part, limit, case["sign"], diverging).ravel()
        theirs = np.array(case[kind])
        edge = np.zeros(theirs.shape, bool)
        edge[case[f"{kind}_edge"]] = True
        assert np.array_equal(ours[~edge], theirs[~edge])
        assert np.abs(ours[edge].astype(int) - theirs[edge]).max(initial=0) <= 1


@pytest.mark.parametrize("case", GOLDEN["composite"])
def test_pictures_are_mixed_as_the_page_mixes_them(case):
    one = np.ones((1, 1))
    share = one * case["opacity"] * (1.0 if case["kept"] else display.LEFT_OUT)
    picture = np.full((1, 1, 3), case["picture"], np.uint8)
    mixed = display.mix(picture, one[..., None] * case["colour"], share)
    assert abs(float(mixed[0, 0, 0]) - case["value"]) <= 0.5


def test_smoothing_is_scipys():
    from scipy.ndimage import gaussian_filter

    values = np.random.default_rng(0).normal(size=(17, 23))
    for sigma in (0.7, 2.0, 5.0):
        theirs = gaussian_filter(values, sigma, mode="reflect", radius=int(np.ceil(3 * sigma)))
        np.testing.assert_allclose(display.smooth(values, sigma), theirs, atol=1e-12)


def test_a_map_of_zeros_is_neutral():
    zeros = np.zeros((3, 4))
    assert (display.colour_index(zeros, 0.0, "signed", True) == 128).all()
    assert (display.colour_index(zeros, 0.0, "positive", False) == 0).all()


def test_only_the_largest_pixels_are_kept():
    values = np.arange(100.0).reshape(10, 10) - 50
    mask = display.kept(values, 10)
    assert mask.sum() == 11, "the tie at the edge stays in"
    assert np.abs(values[mask]).min() >= np.abs(values[~mask]).max()


def test_painting_mixes_the_picture_by_opacity():
    values, picture = np.ones((2, 2)), np.full((2, 2, 3), 100, np.uint8)
    bare, _ = display.paint(values, picture, display.Look(opacity=0.0))
    full, limit = display.paint(values, picture, display.Look(opacity=1.0))
    assert np.array_equal(bare, picture)
    assert limit == 1.0
    assert np.array_equal(full[0, 0], display.colours("RdBu_r")[255])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sign": "up"}, "sign is 'up'"),
        ({"opacity": 1.5}, "opacity is 1.5"),
        ({"keep": -1}, "keep is -1"),
        ({"clip": "most"}, "clip is 'most'; it takes a number from 0 to 100"),
        ({"smoothing": -4}, "smoothing is -4"),
        ({"smoothing": float("nan")}, "smoothing is nan"),
        ({"scaling": "each"}, "scaling is 'each'; it takes one of panel, shared"),
        ({"order": None}, "order is None; it takes one of size, table"),
    ],
)
def test_looks_out_of_range_are_refused(settings, words):
    with pytest.raises(ExplainError, match=words):
        display.Look(**settings)


def test_an_unknown_colour_map_is_refused():
    with pytest.raises(ExplainError, match="No colour map is called 'jett'"):
        display.colours("jett")


@pytest.mark.parametrize("case", GOLDEN["boxes"], ids=lambda c: f"{c['map']}-{c['share']}")
def test_boxes_are_those_of_the_page(case):
    values = torch.from_numpy(golden_map(case["map"]))[None, None]
    (box,) = Heatmap(values, provenance=None).boxes(case["share"])
    assert box == (None if case["box"] is None else tuple(case["box"]))
