import networks
import numpy as np
import pytest
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import FromFunction
from xaiwidgets.evaluation import (
    BoxIoU,
    MaskIoU,
    PointingGame,
    RelevanceMass,
    RelevanceRank,
    TopKIntersection,
)
from xaiwidgets.methods import RandomMap, Saliency

EVERY = [PointingGame(), MaskIoU(), BoxIoU(), RelevanceMass(), RelevanceRank(), TopKIntersection()]
SIDE = 28  # an eighth of 224: 15 px of tolerance are 1.875 here


def score(evaluation, maps, masks, **more):
    maps, masks = np.asarray(maps, float), np.asarray(masks, bool)
    if maps.ndim == 2:
        maps, masks = maps[None], masks[None]
    network = networks.seeded(networks.ModuleNetwork)
    x = networks.noise(len(maps), 3, *maps.shape[1:])
    return evaluation(network, x, maps, more.pop("target", 0), masks=masks, **more)


def drawn(count=4, side=SIDE, seed=0):
    return np.abs(np.random.Generator(np.random.PCG64(seed)).normal(size=(count, side, side)))


def squares(count=4, side=SIDE):
    masks = np.zeros((count, side, side), bool)
    for i in range(count):
        masks[i, 4 + i : 12 + i, 6 : 16 + 2 * i] = True
    return masks


# --- what every one of them does ----------------------------------------------------------------


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_the_mask_itself_as_a_map_is_as_good_as_it_gets(evaluation):
    masks = squares()
    found = score(evaluation, masks, masks)
    assert found.values == pytest.approx(1)
    assert found.better == "higher"
    assert not found.warnings


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_a_map_that_lies_elsewhere_scores_nothing(evaluation):
    masks = squares()
    assert score(evaluation, np.roll(masks, 14, 1), masks).values == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
@pytest.mark.parametrize("level", [0.0, 0.7, -0.7])
def test_a_constant_map_never_hits(evaluation, level):
    maps = drawn()
    maps[1] = level
    found = score(evaluation, maps, squares())
    assert np.isnan(found.values).tolist() == [False, True, False, False]
    assert found.warnings == ["For 1 of 4 inputs the map has no differences: no score."]


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_a_mask_that_is_empty_or_full_is_no_question(evaluation):
    masks = squares()
    masks[0], masks[2] = False, True
    found = score(evaluation, drawn(), masks)
    assert np.isnan(found.values).tolist() == [True, False, True, False]
    assert [sentence.split(":")[0] for sentence in found.warnings] == [
        "For 1 of 4 inputs the mask is empty",
        "For 1 of 4 inputs the mask covers the whole picture",
    ]
    alone = score(evaluation, drawn()[1:2], masks[1:2])
    assert alone.values == found.values[1:2]
    nothing = score(evaluation, drawn()[:1], masks[:1])
    assert np.isnan(nothing.mean)


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_an_input_scores_the_same_alone_and_in_any_batch(evaluation):
    maps, masks = drawn(), squares()
    together = score(evaluation, maps, masks).values
    backwards = score(evaluation, maps[::-1], masks[::-1]).values
    alone = [score(evaluation, maps[i], masks[i]).values[0] for i in range(4)]
    assert together.tolist() == alone == backwards[::-1].tolist()


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_what_speaks_against_the_target_counts_unless_it_is_left_out(evaluation):
    masks = squares()
    assert score(evaluation, -1.0 * masks, masks).values == pytest.approx(1)
    positive = score(evaluation.having(sign="positive"), -1.0 * masks, masks)
    assert np.isnan(positive.values).all()
    assert positive.warnings == ["For 4 of 4 inputs the map has no positive differences: no score."]


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_masks_are_asked_for_in_words(evaluation):
    network = networks.seeded(networks.ModuleNetwork)
    with pytest.raises(ExplainError, match=r"give masks=, a boolean array \(inputs, height, width"):
        evaluation(network, networks.noise(1, 3, 32, 32), Saliency())


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_the_explanation_is_made_once_and_nothing_else_is_asked_of_the_network(evaluation):
    network = networks.seeded(networks.ModuleNetwork)
    x, masks = networks.noise(3, 3, 32, 32), squares(3, 32)
    made = evaluation(network, x, Saliency(), 0, masks=masks).provenance
    assert (made.forwards, made.backwards) == (3, 3)


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_random_maps_score_what_chance_does(evaluation):
    network = networks.seeded(networks.ModuleNetwork)
    masks = np.zeros((1, 32, 32), bool)
    masks[0, 8:24, 8:24] = True
    evaluation = evaluation.having(
        **{"tolerance": 0} if isinstance(evaluation, PointingGame) else {}
    )
    x = networks.noise(1, 3, 32, 32)
    values = [
        evaluation(network, x, RandomMap(seed=seed), 0, masks=masks).mean for seed in range(15)
    ]
    if isinstance(evaluation, BoxIoU):  # a random map's largest patch spans the picture
        assert np.mean(values) == pytest.approx(0.25, abs=0.15)
    else:
        assert np.mean(values) == pytest.approx(0.22, abs=0.15)


# --- pointing game ------------------------------------------------------------------------------


def point(row, column, side=SIDE):
    maps = np.zeros((side, side))
    maps[row, column] = 1
    return maps


def test_a_point_hits_within_the_open_disc_around_the_mask():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[10, 10] = True
    away = {(10, 10): 1, (10, 11): 1, (11, 11): 1, (10, 12): 0, (11, 12): 0}  # radius 1.875
    for place, hit in away.items():
        assert score(PointingGame(), point(*place), mask).values == hit, place
    two = PointingGame(tolerance=16)  # exactly 2 pixels: the disc is open
    assert score(two, point(10, 12), mask).values == 0
    assert score(two, point(11, 11), mask).values == 1


def test_without_tolerance_the_point_has_to_lie_on_the_mask():
    mask = squares(1)[0]
    assert score(PointingGame(tolerance=0), point(4, 6), mask).values == 1
    assert score(PointingGame(tolerance=0), point(3, 6), mask).values == 0


def test_of_several_equal_maxima_the_share_that_hits_is_the_score():
    mask = squares(1)[0]
    maps = point(5, 8) + point(6, 9) + point(25, 25) + point(26, 1)
    assert score(PointingGame(), maps, mask).values == 0.5


def test_the_papers_figure_is_the_mean_over_classes():
    mask = squares(1)[0]
    maps = [point(5, 8), point(5, 8), point(5, 8), point(25, 25)]
    found = score(PointingGame(), maps, [mask] * 4, target=[0, 0, 1, 1])
    assert found.mean == 0.75
    assert found.numbers["mean over classes"] == 0.75
    found = score(PointingGame(), maps, [mask] * 4, target=[0, 0, 0, 1])
    assert found.numbers["mean over classes"] == 0.5


def test_the_centre_is_told_for_comparison():
    masks = np.zeros((2, SIDE, SIDE), bool)
    masks[0, 12:16, 12:16] = masks[1, :4, :4] = True
    assert score(PointingGame(), drawn(2), masks).numbers["centre"] == 0.5


# --- overlap ------------------------------------------------------------------------------------


def test_mask_iou_by_hand():
    maps, mask = np.zeros((2, 4)), np.zeros((2, 4), bool)
    maps[0], mask[0, 1:3] = [8, 4, 2, 1], True
    for threshold, expected in ((0.5, 1 / 3), (0.25, 2 / 3), (0.125, 0.5), (0.0, 0.25), (1.0, 0)):
        found = score(MaskIoU(threshold=threshold), np.tile(maps, (4, 2)), np.tile(mask, (4, 2)))
        assert found.values == pytest.approx(expected), threshold


def test_the_curve_is_the_iou_at_every_threshold():
    maps, masks = drawn(), squares()
    found = score(MaskIoU(), maps, masks)
    curve = found.curves["IoU"]
    for i in range(4):
        for threshold, value in zip(curve.x, curve.y[i], strict=True):
            cut = maps[i] / maps[i].max() >= threshold
            assert value == (cut & masks[i]).sum() / (cut | masks[i]).sum()


def test_the_other_half_chooses_the_threshold():
    masks = squares()
    maps = np.where(masks, 1.0, 0.3)
    maps[1::2] = np.where(masks[1::2], 1.0, 0.6)  # the odd ones need a threshold above 0.6
    found = score(MaskIoU(choose="other half"), maps, masks)
    assert found.numbers["threshold of even inputs"] == pytest.approx(0.61)
    assert found.numbers["threshold of odd inputs"] == pytest.approx(0.31)
    assert found.values[::2] == pytest.approx(1)
    assert (found.values[1::2] < 0.2).all()
    with pytest.raises(ExplainError, match="takes at least two inputs that can be scored"):
        score(MaskIoU(choose="other half"), maps[:1], masks[:1])


def test_the_box_is_put_around_the_largest_patch():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[4:10, 5:15] = True
    maps = np.zeros((SIDE, SIDE))
    maps[6:10, 5:15] = 5  # 40 pixels: inside, IoU 40/60
    maps[20:25, 20:25] = 10  # 25 pixels, higher but smaller
    maps[0, :] = 1.9  # below 20 % of the maximum
    assert score(BoxIoU(), maps, mask).values == pytest.approx(40 / 60)
    assert score(BoxIoU(threshold=0.6), maps, mask).values == 0
    maps[20:25, 20:25] = 0
    maps[10, 15] = 5  # touches by a corner: the box grows to 5 × 11
    assert score(BoxIoU(), maps, mask).values == pytest.approx(40 / (60 + 55 - 40))


def test_the_share_of_boxes_above_one_half_is_told():
    masks = squares(2)
    maps = np.stack([masks[0], masks[1][::-1]])
    assert score(BoxIoU(), maps, masks).numbers["share above 0.5"] == 0.5


# --- relevance ----------------------------------------------------------------------------------


def test_relevance_mass_rank_and_top_k_by_hand():
    maps, mask = np.zeros((8, 8)), np.zeros((8, 8), bool)
    maps[0, :4], mask[0, 1:4] = [4, 3, 2, 1], True
    assert score(RelevanceMass(), maps, mask).values == pytest.approx(0.6)
    assert score(RelevanceRank(), maps, mask).values == pytest.approx(2 / 3)
    assert score(TopKIntersection(share=2 / 64), maps, mask).values == 0.5
    assert score(RelevanceMass(), maps, mask).numbers["chance"] == 3 / 64


def test_pixels_that_tie_for_the_last_places_count_by_chance():
    maps, mask = np.zeros((8, 8)), np.zeros((8, 8), bool)
    maps[0, 0], mask[0, :4] = 1, True
    expected = (1 + 3 * 3 / 63) / 4  # one for certain, and three of the 63 zeros
    assert score(RelevanceRank(), maps, mask).values == pytest.approx(expected)


def test_an_object_smaller_than_k_is_warned_about():
    found = score(TopKIntersection(share=0.5), drawn(), squares())
    assert found.warnings == [
        "For 4 of 4 inputs the object has fewer than 392 pixels: 1 is out of reach."
    ]


# --- against Quantus ----------------------------------------------------------------------------


def by_quantus(metric, maps, masks):
    return metric(
        model=networks.seeded(networks.ModuleNetwork),
        x_batch=networks.noise(len(maps), 3, *maps.shape[1:]).numpy(),
        y_batch=np.zeros(len(maps), int),
        a_batch=maps[:, None],
        s_batch=masks[:, None],
        channel_first=True,
    )


@pytest.mark.slow
def test_the_same_numbers_as_quantus_for_maps_without_ties():
    quantus = pytest.importorskip("quantus")
    usual = {"abs": False, "normalise": False, "disable_warnings": True}
    maps, masks = drawn(6, seed=3), squares(6)
    for ours, theirs in (
        (PointingGame(tolerance=0), quantus.PointingGame(**usual)),
        (RelevanceMass(), quantus.RelevanceMassAccuracy(**usual)),
        (RelevanceRank(), quantus.RelevanceRankAccuracy(**usual)),
        (TopKIntersection(share=40 / SIDE**2), quantus.TopKIntersection(k=40, **usual)),
    ):
        expected = np.asarray(by_quantus(theirs, maps, masks), float)
        assert score(ours, maps, masks).values == pytest.approx(expected, rel=1e-6), ours


def test_planted_faults_are_caught():
    """The right map scores best; shifted, mirrored, sign-flipped or another picture's map less."""
    masks = squares()
    right = np.where(masks, 1.0, 0.0) + 0.1 * drawn(seed=5)
    faults = {
        "sign flipped": -right,
        "mirrored": right[:, ::-1, ::-1],
        "shifted": np.roll(right, (9, 9), (1, 2)),
        "transposed": right.transpose(0, 2, 1),
        "another picture's": np.roll(right[:, ::-1], 1, 0),
    }
    for evaluation in EVERY:
        good = score(evaluation, right, masks).mean
        for name, wrong in faults.items():
            if isinstance(evaluation, PointingGame) and name == "transposed":
                continue  # one point may well stay on the object
            if name == "sign flipped":
                evaluation = evaluation.having(sign="positive")
            assert not score(evaluation, wrong, masks).mean >= good, (evaluation, name)


def test_a_function_and_a_tensor_are_judged_like_a_method():
    network, x = networks.seeded(networks.ModuleNetwork), networks.noise(2, 3, 32, 32)
    masks = squares(2, 32)
    by_method = RelevanceMass()(network, x, Saliency(), 1, masks=masks)
    values = Saliency()(network, x, 1).values
    by_tensor = RelevanceMass()(network, x, values, 1, masks=torch.as_tensor(masks))
    function = FromFunction(lambda subject, x, target: subject.gradient(x, target))
    by_function = RelevanceMass()(network, x, function, 1, masks=masks)
    assert by_method.values.tolist() == by_tensor.values.tolist() == by_function.values.tolist()


# --- on the zoo ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_explanations_find_the_object_better_than_controls_and_the_centre():
    """EVALUATION §4, without tolerance and with 4 px: gradient 0.59/0.80, guided backprop and
    input × gradient 1.0, Grad-CAM 0.25/0.64, random 0.09/0.17."""
    from xaiwidgets import zoo
    from xaiwidgets.methods import EdgeDetector, GradCam, GradientTimesInput, GuidedBackprop

    scenes = list(zoo.ShapeScenes(24, size=96, seed=77_400))
    x = torch.from_numpy(np.stack([one.image for one in scenes])).permute(0, 3, 1, 2) / 255
    masks, network = np.stack([one.masks["object"] for one in scenes]), zoo.subject("shapes")

    def judge(evaluation, method):
        return evaluation(network, (x - 0.5) / 0.25, method, masks=masks)

    strict = PointingGame(tolerance=0)
    found = {
        method: judge(strict, method).mean
        for method in (Saliency(), GuidedBackprop(), GradientTimesInput(), GradCam(), RandomMap())
    }
    assert found[GuidedBackprop()] >= 0.9
    assert found[GradientTimesInput()] >= 0.9
    assert found[Saliency()] >= 0.5
    assert found[GradCam()] <= 0.5  # its places are 8 pixels wide: with tolerance it hits
    assert judge(PointingGame(), GradCam()).mean >= 0.64 - 0.1
    assert found[RandomMap()] <= 0.2
    assert judge(strict, Saliency()).numbers["centre"] <= 0.4  # objects stand off the middle
    segmented = MaskIoU(choose="other half")
    best = [judge(segmented, m).mean for m in (GuidedBackprop(), GradientTimesInput())]
    assert best == pytest.approx([0.68, 0.56], abs=0.15)
    assert judge(segmented, RandomMap()).mean <= 0.2
    assert judge(segmented, EdgeDetector()).mean < min(best)
