"""How much of a map lies in a region, by hand, slowly and plainly, and by chance."""

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import RelevanceMass, region_overlap

MAP = np.array([[4.0, 1, 0, 0], [3, 2, 0, 0], [-9, 0, 0, 0]])


def region(*pixels, shape=(3, 4)):
    found = np.zeros(shape, bool)
    for row, column in pixels:
        found[row, column] = True
    return found


def test_a_case_known_by_hand():
    found = region_overlap(MAP, region((0, 0), (0, 1), (2, 0)))
    assert found.share == pytest.approx(5 / 10)  # 4 + 1 of 4 + 1 + 3 + 2; −9 is no evidence
    assert found.iou == pytest.approx(1 / 5)  # the top three are 4, 3, 2: one is shared
    assert found.hit == 1
    assert found.area == pytest.approx(3 / 12)


def test_the_highest_pixel_outside_is_a_miss_and_ties_are_shared():
    assert region_overlap(MAP, region((1, 0), (1, 1))).hit == 0
    twin = np.array([[1.0, 1], [0, 0]])
    found = region_overlap(twin, region((0, 0), shape=(2, 2)))
    assert (found.share, found.hit) == (0.5, 0.5)
    assert found.iou == pytest.approx(0.5 / 1.5)  # half of the one top pixel lies inside


@pytest.mark.parametrize(
    "given",
    [
        [(1, 0, 3, 2)],
        (1, 0, 3, 2),
        np.array([1, 0, 3, 2]),
        [[1, 1, 0, 1, 1], (2, 0, 3, 2)],
        [[False, True, True, False], [False, True, True, False], [False] * 4],
    ],
    ids=str,
)
def test_boxes_strokes_and_rows_are_regions_as_an_array_is(given):
    inside = region((0, 1), (0, 2), (1, 1), (1, 2))
    assert region_overlap(MAP, given) == region_overlap(MAP, inside)


@pytest.mark.parametrize("seed", range(4))
def test_the_formula_again_slow_and_plain(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(7, 9)).astype(np.float32)
    inside = rng.random((7, 9)) < 0.3
    order = sorted(np.ndindex(7, 9), key=lambda at: -values[at])
    count = int(inside.sum())
    top, own = set(order[:count]), {tuple(map(int, at)) for at in np.argwhere(inside)}
    proof = {at: max(float(values[at]), 0.0) for at in order}
    found = region_overlap(values, inside)
    assert found.share == pytest.approx(sum(proof[at] for at in own) / sum(proof.values()))
    assert found.iou == pytest.approx(len(top & own) / len(top | own))
    assert found.hit == float(order[0] in own)


def test_chance_is_the_mean_over_every_place_of_the_same_shape():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(6, 8)).astype(np.float32)
    inside = np.zeros((6, 8), bool)
    inside[1:4, 2:5] = True
    inside[4, 2] = True
    moved = [
        region_overlap(values, np.roll(inside, (down, right), (0, 1)))
        for down in range(6)
        for right in range(8)
    ]
    chance = moved[0].chance
    assert np.mean([one.share for one in moved]) == pytest.approx(chance.share)
    assert np.mean([one.hit for one in moved]) == pytest.approx(chance.hit)
    size = inside.sum()
    shared = [2 * size * one.iou / (1 + one.iou) for one in moved]  # pixels that both have
    mean = np.mean(shared)
    assert mean / (2 * size - mean) == pytest.approx(chance.iou)


def test_it_is_relevance_mass_of_what_speaks_for_the_target():
    torch.manual_seed(3)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(16, 3),
    ).eval()  # fmt: skip
    x = torch.rand(1, 1, 12, 12)
    mask = np.zeros((12, 12), bool)
    mask[3:8, 2:9] = True
    heat = xw.Saliency()(network, x, 1)
    scores = RelevanceMass(sign="positive")(network, x, heat, 1, masks=mask[None])
    assert region_overlap(heat, mask).share == pytest.approx(scores.mean)


def test_a_map_that_tells_nothing_apart_has_no_overlap():
    for values in (np.zeros((3, 4)), np.ones((3, 4)), -np.abs(MAP)):
        found = region_overlap(values, region((0, 0)))
        assert np.isnan([found.share, found.iou, found.hit]).all()
        assert found.area == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    ("values", "mask", "words"),
    [
        (MAP, np.zeros((3, 4)), "empty; mark at least one pixel"),
        (MAP, np.ones((4, 3)), "shape (4, 3), the map (3, 4)"),
        (MAP[None], np.ones((3, 4)), "height and width"),
        (MAP, [], "empty; mark at least one pixel"),
        (MAP, [(1, 0, 5, 2)], "that lie in the picture (4×3 pixels); [(1, 0, 5, 2)] came"),
        (MAP, [[2, 1]], "strokes [side, x, y, x, y, ...]"),
        (MAP, {"object": np.ones((3, 4))}, "A region takes a mask of shape (3, 4), or boxes"),
        (MAP, None, "None came"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(values, mask, words):
    with pytest.raises(ExplainError) as caught:
        region_overlap(values, mask)
    assert words in str(caught.value)
