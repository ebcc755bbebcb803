"""What evaluations take: which kinds of input, which masks, which networks."""

import numpy as np
import pytest
import torch
from kinds import Solid, forest_rows, pictures, pixels, rows, sentences, volumes
from networks import noise, seeded

import xaiwidgets as xw
from xaiwidgets import evaluation as ev
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Evaluation


def judge(test, made, **more):
    subject, inputs, method = made()
    shape = subject.prepare(inputs).x.shape
    masks = np.zeros((shape[0], *shape[2:]), bool)
    masks[..., 1:3] = True
    masks = more.pop("masks", masks)
    return test(subject, inputs, more.pop("explanation", method), 0, masks=masks, **more)


NO_USE = "which a {} has no use for; it takes 'noise'"
REFUSED = {
    "patches of a row": (ev.Selectivity(), rows, "takes a picture or a text, and the input is a t"),
    "a box of a row": (ev.BoxIoU(), rows, "Box IoU takes a picture or a volume, and the input is"),
    "a box of a text": (ev.BoxIoU(), sentences, "and the input is a text; choose another evalua"),
    "a row moved": (ev.Continuity(move="translation"), rows, NO_USE.format("table")),
    "a text moved": (ev.Continuity(move="translation"), sentences, NO_USE.format("text")),
    "squares of a row": (ev.Infidelity(perturbation="square"), rows, "which a table has no use fo"),
    "squares of a text": (ev.Infidelity(perturbation="square"), sentences, "'noisy baseline'"),
    "flipped voxels": (ev.PixelFlipping(), volumes, "takes a picture, a text or a table, and the"),
    "a blurred volume": (ev.Completeness(against="blur"), volumes, "has no 'blur'.*takes zero"),
    "gradients of trees": (ev.CEval(), forest_rows, "needs the network's gradients, and .* is a b"),
    "gradients of a function": (
        ev.InputIndependence(),
        pixels,
        "PixelFlipping, Deletion and .* ask",
    ),
}


@pytest.mark.parametrize(("test", "made", "words"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_for_a_kind_of_input_is_refused_in_one_sentence(test, made, words):
    with pytest.raises(ExplainError, match=words) as refused:
        judge(test, made)
    assert "\n" not in str(refused.value)


def test_agreement_and_consensus_compare_no_volumes():
    subject, x, method = volumes()
    with pytest.raises(ExplainError, match="Agreement takes a picture, a text or a table"):
        ev.agreement([method, method], subject, x, 0)
    with pytest.raises(ExplainError, match="and the input is a volume"):
        ev.consensus(method, [subject, subject], x, 0)


def test_an_evaluation_of_ones_own_says_whether_it_takes_volumes():
    class Loud(Evaluation):
        def grade(self, case):
            return np.abs(case.maps).reshape(len(case), -1).mean(1)

    class LoudEverywhere(Loud):
        takes = ("picture", "volume")

    with pytest.raises(ExplainError, match="Loud takes a picture, a text or a table"):
        judge(Loud(), volumes)
    assert judge(LoudEverywhere(), volumes).values.shape == (2,)


OF_PLACES = [
    ev.PointingGame(), ev.MaskIoU(), ev.BoxIoU(), ev.RelevanceMass(), ev.RelevanceRank(),
    ev.TopKIntersection(),
]  # fmt: skip


@pytest.mark.parametrize("test", OF_PLACES, ids=str)
def test_a_volume_of_one_slice_is_judged_as_the_picture_that_it_is(test):
    maps, masks = noise(2, 32, 32, seed=5), np.zeros((2, 32, 32), bool)
    masks[:, 4:19, 9:30] = True
    flat = judge(test, pictures, explanation=maps, masks=masks)
    subject = xw.VolumeSubject(seeded(Solid))
    thick = noise(2, 1, 1, 32, 32)
    solid = test(subject, thick, maps[:, None], 0, masks=masks[:, None])
    np.testing.assert_allclose(solid.values, flat.values)
    assert solid.numbers == pytest.approx(flat.numbers)


def test_noise_on_a_volume_is_as_wide_as_the_volume():
    class Steep(xw.Attribution):
        takes = ("volume",)

        def attribute(self, subject, x, target):
            return x

    subject, x, _ = volumes()
    x[:, :, :, :, 0] *= 10
    found = ev.MaxSensitivity(samples=4, radius=0.1)(subject, x, Steep(), 0)
    size = x.flatten(1).norm(dim=1)
    width = x.flatten(1).amax(1) - x.flatten(1).amin(1)
    largest = 0.1 * width * x[0].numel() ** 0.5 / size
    assert (found.values > 0.5 * largest.numpy()).all()
    assert (found.values < largest.numpy()).all()


# --- masks --------------------------------------------------------------------------------------

MASK = np.zeros((2, 32, 32), bool)
MASK[:, 4:19, 9:30] = True
SOFT = np.where(MASK, 1.0, 0.3)
BAD_MASKS = {
    "several by name": ({"object": MASK, "rest": ~MASK}, r"dict of several; give one.*'object'"),
    "several for each": ([{"object": one} for one in MASK], r"such as masks\['object'\]"),
    "a path": ("masks.png", "masks= is a str; it takes an array of true and false"),
    "words": (np.array(["a", "b"]), "masks= is an array of <U1; it takes"),
    "soft": (SOFT, r"masks= holds 0.3; .* for instance mask > 0.5"),
    "torch, soft": (torch.from_numpy(SOFT), "masks= holds 0.3"),
    "unknown": (np.where(MASK, np.nan, 0), "masks= holds nan"),
    "numbered objects": (MASK * 3, "masks= holds 3; .* mask == 3"),
    "negative": (-MASK.astype(int), "masks= holds -1"),
    "two habits": (np.where(MASK, 255, 1), "masks= holds 1 beside 255"),
    "several sizes": ([MASK[0], MASK[1, :8]], r"parts of different shapes: \[\(8, 32\), \(32, 32"),
    "ragged": ([[0, 1, 0], [1, 0]], "masks= is a list"),
    "another shape": (MASK[:, :8], r"have shape \(2, 8, 32\) for inputs .*\(inputs, height, width"),
}


@pytest.mark.parametrize(("masks", "words"), BAD_MASKS.values(), ids=BAD_MASKS)
def test_what_is_no_mask_is_refused_in_one_sentence(masks, words):
    with pytest.raises(ExplainError, match=words) as refused:
        judge(ev.RelevanceMass(), pictures, masks=masks)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "masks",
    [
        MASK, MASK.astype(int), MASK.astype(np.float32), MASK.astype(np.uint8) * 255, list(MASK),
        torch.from_numpy(MASK), torch.from_numpy(MASK).bfloat16(), MASK.tolist(),
        [torch.from_numpy(one) for one in MASK],
    ],
    ids=["bool", "0/1", "0.0/1.0", "0/255", "list", "tensor", "bfloat16", "lists", "tensors"],
)  # fmt: skip
def test_masks_come_as_true_and_false_0_and_1_or_0_and_255(masks):
    plain = judge(ev.RelevanceMass(), pictures, masks=MASK)
    np.testing.assert_array_equal(
        judge(ev.RelevanceMass(), pictures, masks=masks).values, plain.values
    )


@pytest.mark.parametrize("made", [rows, sentences])
def test_masks_and_values_of_rows_and_texts_need_no_height(made):
    subject, inputs, method = made()
    x = subject.prepare(inputs).x
    mask, values = np.zeros((2, x.shape[3])), method(subject, inputs, 0).map()
    mask[:, 1:3] = 1
    test = ev.RelevanceMass()
    plain = test(subject, inputs, values, 0, masks=mask[:, None]).values
    found = test(subject, inputs, values[:, 0], 0, masks=mask).values
    np.testing.assert_array_equal(found, plain)
    alone = test(subject, inputs[:1], values[0, 0], 0, masks=mask[0]).values
    np.testing.assert_array_equal(alone, plain[:1])
