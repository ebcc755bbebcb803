"""Faithfulness: closed forms on linear networks, formulas slow and plain, planted wrong maps."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from conftest import inputs_for, network_of
from networks import Formula, LinearNetwork, ResidualNetwork, noise, seeded
from tables import diabetes_model

import xaiwidgets as xw
from xaiwidgets import evaluation as ev
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Answered, Case
from xaiwidgets.core.filling import FILLS, Filling, light_blur
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import ordering
from xaiwidgets.evaluation.faithfulness.sampled import batches

BY_ORDER = [
    ev.PixelFlipping(steps=4, controls=1),
    ev.Selectivity(side=56),
    ev.RegionPerturbation(side=56, repeats=1),
    ev.Deletion(steps=4),
    ev.Insertion(steps=4),
    ev.ROAD(spacing=30),
    ev.FaithfulnessCorrelation(samples=8, side=28),
    ev.CEval(steps=3, halvings=1),
]
by_order = pytest.mark.parametrize("evaluation", BY_ORDER, ids=lambda e: type(e).__name__)


@pytest.fixture
def linear():
    """A linear network of doubles over 2 × 8 × 8, three inputs, and its weights for class 1."""
    network = seeded(lambda: LinearNetwork((2, 8, 8), 3)).double()
    return network, noise(3, 2, 8, 8, seed=2, dtype=torch.float64), network.weight[1].detach()


def random_order(x: torch.Tensor) -> np.ndarray:
    return noise(len(x), *x.shape[2:], seed=9).numpy()


# --- curves ---------------------------------------------------------------------------------


def test_flipping_the_pixels_of_a_linear_network_gives_exact_sums(linear):
    network, x, w = linear
    shares = (x * w).sum(1)
    found = ev.PixelFlipping(fill="zero", scale="score", steps=64, controls=0)(
        network, x, shares, 1
    )
    largest = np.sort(shares.flatten(1).numpy(), 1)[:, ::-1]
    lost = np.concatenate([np.zeros((3, 1)), largest.cumsum(1)], 1)
    full = network(x)[:, 1].detach().numpy()[:, None]
    np.testing.assert_allclose(found.curves["most first"].y, full - lost, atol=1e-12)
    np.testing.assert_allclose(found.values, lost.mean(1), atol=1e-12)


def test_least_first_is_most_first_of_the_negative_map(linear):
    network, x, w = linear
    shares = (x * w).sum(1)
    least = ev.PixelFlipping(order="least first", controls=0)(network, x, shares, 1)
    most = ev.PixelFlipping(controls=0)(network, x, -shares, 1)
    np.testing.assert_allclose(least.values, most.values, atol=1e-12)


@pytest.mark.parametrize("fill", ["mean", "blur", "noise"])
def test_pixel_flipping_slow_and_plain(fill):
    network, x = network_of("functional"), inputs_for("functional")
    subject, values = Subject(network), random_order(inputs_for("functional"))
    found = ev.PixelFlipping(fill=fill, steps=5, controls=0)(subject, x, values, 2)
    absent = Filling(fill, subject, x)(torch.zeros(2, 32, 32, dtype=torch.bool), torch.arange(2))
    for i in range(2):
        fallen = []
        for k in range(6):
            picture = x[i].clone()
            first = np.argsort(-values[i].ravel(), kind="stable")[: round(k * 1024 / 5)]
            for pixel in first:
                place = divmod(int(pixel), 32)
                picture[:, place[0], place[1]] = absent[i][:, place[0], place[1]]
            fallen.append(float(network(picture[None]).softmax(1)[0, 2].detach()))
        expected = sum(fallen[0] - one for one in fallen) / 6
        assert found.values[i] == pytest.approx(expected, abs=1e-5)


def test_the_random_band_holds_its_mean_and_its_ends_are_shared():
    subject, x = Subject(network_of("modules")), inputs_for("modules")
    test = ev.PixelFlipping(steps=6, controls=4, seed=3)
    found = test(subject, x, random_order(x), 1)
    low, mean, high = (found.curves[f"random{name}"].y for name in (", lowest", "", ", highest"))
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (low[:, 1:-1] < high[:, 1:-1]).all()
    for end in (0, -1):
        np.testing.assert_array_equal(low[:, end], found.curves["most first"].y[:, end])
    assert found.provenance.forwards == 2 * (7 + 4 * 5)
    assert found.numbers["random"] == pytest.approx(float((mean[:, :1] - mean).mean()))


def test_the_random_orders_differ_from_each_other_and_with_the_seed():
    maps = np.zeros((1, 6, 6))
    drawn = [ordering.places(maps, "random", seed) for seed in (1, 2, 1)]
    assert (drawn[0] != drawn[1]).any()
    assert (drawn[0] == drawn[2]).all()
    assert (np.sort(drawn[0].ravel()) == np.arange(36)).all()


def test_ties_are_not_read_row_by_row():
    maps = np.zeros((1, 10, 10))
    maps[0, 2, 3] = 1
    order = ordering.places(maps)[0]
    assert order[2, 3] == 0
    assert order[0].mean() > 15
    assert (ordering.places(maps)[0] == order).all()


def test_reading_without_sign_is_reading_the_sizes(linear):
    network, x, w = linear
    shares = (x * w).sum(1)
    for evaluation in (ev.PixelFlipping(controls=0), ev.Deletion(), ev.ROAD(), ev.CEval()):
        absolute = evaluation.having(reading="absolute")(network, x, shares, 1)
        sizes = evaluation(network, x, shares.abs(), 1)
        np.testing.assert_array_equal(absolute.values, sizes.values)
        signed = evaluation.having(reading="signed")(network, x, shares, 1)
        assert (absolute.values != signed.values).any()


def test_deletion_and_insertion_of_a_linear_network(linear):
    network, x, w = linear
    shares = (x * w).sum(1)
    gone = np.sort(shares.flatten(1).numpy(), 1)[:, ::-1].cumsum(1)
    gone = np.concatenate([np.zeros((3, 1)), gone], 1)
    bias = float(network.bias[1].detach())
    settings = {"fill": "zero", "scale": "score", "steps": 64}
    deleted = ev.Deletion(**settings)(network, x, shares, 1)
    inserted = ev.Insertion(**settings)(network, x, shares, 1)
    expected = bias + gone
    np.testing.assert_allclose(inserted.curves["insertion"].y, expected, atol=1e-12)
    np.testing.assert_allclose(inserted.values, np.trapezoid(expected, dx=1 / 64), atol=1e-12)
    left = gone[:, -1:] - gone + bias
    np.testing.assert_allclose(deleted.values, np.trapezoid(left, dx=1 / 64), atol=1e-12)
    assert deleted.numbers["substrate"] == pytest.approx(bias)
    assert inserted.numbers["substrate"] == pytest.approx(bias)


def test_a_substrate_that_still_shows_the_class_is_warned_of():
    sees = Formula(lambda v: torch.stack([3 + 0 * v.sum(1), 0 * v.sum(1)], 1))
    x = noise(2, 1, 4, 4, dtype=torch.float64)
    found = ev.Insertion(steps=4)(sees, x, random_order(x), 0)
    assert "still shows the class" in found.warnings[0]
    assert "With every pixel filled the probability is 0.953" in found.facts[0]
    blind = Formula(lambda v: torch.stack([v.sum(1), 0 * v.sum(1)], 1))
    fine = ev.Deletion(steps=4)(blind, x.abs() + 1, random_order(x), 0)
    assert not fine.warnings


def test_the_light_blur_is_the_filtered_impulse_of_rise():
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    kernel = scipy.ndimage.gaussian_filter(impulse, 5, mode="constant", truncate=5)
    x = noise(2, 3, 20, 20, dtype=torch.float64)
    ours = light_blur(x).numpy()
    for i in range(2):
        for c in range(3):
            theirs = scipy.ndimage.convolve(x[i, c].numpy(), kernel, mode="constant")
            scale = float(ours[i, c, 10, 10] / theirs[10, 10])
            np.testing.assert_allclose(ours[i, c], theirs * scale, rtol=1e-5, atol=1e-9)
            assert scale >= 1  # the cut kernel is brought back to a sum of 1


def test_selectivity_takes_the_brighter_patch_first():
    network = Formula(lambda v: torch.stack([v.sum(1), -v.sum(1)], 1))
    x = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    x[..., 2:] = 3  # the right half adds 24 of 32
    test = ev.Selectivity(side=112, fill="zero", scale="score")
    found = test(network, x, x, 0)
    assert found.curves["most first"].y[0].tolist() == [32, 20, 8, 4, 0]
    assert found.values[0] == pytest.approx((16 + 20 + 8 + 4 + 0) / 4)
    assert test(network, x, -x, 0).values[0] > found.values[0]


def test_regions_follow_the_size_of_the_picture_and_cut_ones_count():
    assert ordering.block_side(9, np.zeros((1, 224, 224))) == 9
    assert ordering.block_side(9, np.zeros((1, 96, 112))) == 4
    assert ordering.block_side(9, np.zeros((1, 10, 10))) == 1
    numbers = ordering.blocks(np.zeros((5, 7)), 3)
    assert numbers.max() == 5
    assert (numbers[3:, 6] == 5).all()
    maps = noise(2, 5, 7, seed=1).double().numpy()
    means, order, counts = ordering.block_places(maps, 3, "signed", 0)
    assert means[1, 4, 0] == pytest.approx(maps[1, 3:, 3:6].mean())
    first = numbers == means[1, :, 0].argmax()
    assert (order[1][first] == 0).all()
    assert (order[1][~first] > 0).all()
    assert counts.tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_region_perturbation_is_the_mean_over_its_draws_of_noise():
    network, x = network_of("modules"), inputs_for("modules")
    test = ev.RegionPerturbation(side=56, regions=5, repeats=3)
    found = test(network, x, random_order(x), 1)
    subject, filling = Subject(network), Filling("noise", Subject(network), x)
    _, order, _ = ordering.block_places(random_order(x), 8, "signed", 0)
    for i in range(2):
        fallen = []
        for draw in range(3):
            for k in range(6):
                kept = torch.as_tensor(order[i : i + 1] >= k)
                drawn = filling(kept, torch.tensor([i]), torch.tensor([draw]))
                fallen.append(float(subject.outputs(drawn).softmax(1)[0, 1]))
        first = fallen[0]
        assert found.values[i] == pytest.approx(np.mean([first - f for f in fallen]), abs=1e-5)
    assert found.provenance.forwards == 2 * (1 + 3 * 5)
    once = test.having(repeats=1)(network, x, random_order(x), 1)
    assert (once.values != found.values).all()
    zero = test.having(fill="zero")(network, x, random_order(x), 1)
    assert zero.provenance.forwards == 2 * (1 + 5), "without noise one draw is all there is"


def test_road_is_half_the_distance_between_its_curves():
    network, x = network_of("modules"), inputs_for("modules")
    found = ev.ROAD()(network, x, random_order(x), 1)
    most, least = (found.curves[name] for name in ("most first", "least first"))
    assert most.x == pytest.approx(np.arange(1, 10) / 10, abs=1e-3)
    np.testing.assert_allclose(found.values, (least.y - most.y).mean(1) / 2)
    turned = ev.ROAD()(network, x, -random_order(x), 1)
    np.testing.assert_allclose(turned.values, -found.values, atol=1e-6)


# --- infidelity, correlation, completeness, c-Eval ------------------------------------------


@pytest.mark.parametrize("perturbation", ["gaussian", "square", "noisy baseline"])
def test_the_gradient_of_a_linear_network_has_no_infidelity(linear, perturbation):
    network, x, _ = linear
    test = ev.Infidelity(perturbation=perturbation, samples=20, noise=0.5)
    found = test(network, x, xw.Saliency(), 1)
    np.testing.assert_allclose(found.values, 0, atol=1e-20)
    assert found.numbers["raw"] == pytest.approx(0, abs=1e-20)
    assert found.numbers["scale"] == pytest.approx(1)
    twice = test(network, x, 2 * xw.Saliency()(network, x, 1).values, 1)
    np.testing.assert_allclose(twice.values, 0, atol=1e-20)
    assert twice.numbers["scale"] == pytest.approx(0.5)
    assert twice.numbers["raw"] > 0.01


def test_shares_suit_squares_and_are_refused_for_noise(linear):
    network, x, _ = linear
    test = ev.Infidelity(perturbation="square", counted="shares", samples=20)
    found = test(network, x, xw.GradientTimesInput(), 1)
    np.testing.assert_allclose(found.values, 0, atol=1e-20)
    for noisy in ("gaussian", "noisy baseline"):
        with pytest.raises(ExplainError, match="says nothing about noise"):
            ev.Infidelity(perturbation=noisy, counted="shares")(network, x, xw.Saliency(), 1)


def test_a_map_of_zeros_has_the_infidelity_of_saying_nothing(linear):
    network, x, _ = linear
    found = ev.Infidelity(samples=10)(network, x, torch.zeros_like(x), 1)
    assert found.numbers["relative to zero"] == pytest.approx(1)
    assert found.numbers["raw"] == pytest.approx(found.mean)
    assert found.mean > 0


def test_a_turned_map_is_forgiven_by_the_scale_but_warned_of(linear):
    network, x, w = linear
    found = ev.Infidelity(samples=10)(network, x, -w.expand_as(x), 1)
    np.testing.assert_allclose(found.values, 0, atol=1e-20)
    assert found.numbers["scale"] == pytest.approx(-1)
    assert "For 3 of 3 inputs the best scale is negative" in found.warnings[0]


@pytest.mark.parametrize("perturbation", ["gaussian", "noisy baseline"])
@pytest.mark.parametrize("scaled", [True, False])
def test_captum_finds_the_same_infidelity_given_the_same_perturbations(scaled, perturbation):
    from captum.metrics import infidelity

    from xaiwidgets.core.baselines import normal

    network, x = network_of("modules").double(), inputs_for("modules").double()
    values = noise(2, 3, 32, 32, seed=5, dtype=torch.float64)
    subject = Subject(network, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    ours = ev.Infidelity(perturbation=perturbation, samples=12, seed=4)(subject, x, values, 2)
    whole = x + 2 if perturbation == "noisy baseline" else 0  # black is −2 in these units
    spread = 0.05 * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))[:, None, None, None]
    drawn = iter(range(12))

    def perturb(inputs, baselines=None):
        lost = whole + spread * normal(x[0], 4, next(drawn))
        return lost, inputs - lost

    theirs = infidelity(
        network, perturb, x, values, target=2, n_perturb_samples=12, max_examples_per_batch=2,
        normalize=scaled,
    )  # fmt: skip
    network.float()
    expected = ours.values if scaled else [ours.numbers["raw"]] * 2
    found = theirs.detach().numpy() if scaled else [float(theirs.mean())] * 2
    np.testing.assert_allclose(expected, found, rtol=1e-9)


def test_shares_of_a_linear_network_correlate_perfectly(linear):
    network, x, w = linear
    test = ev.FaithfulnessCorrelation(fill="zero", samples=20, side=1)
    np.testing.assert_allclose(test(network, x, xw.GradientTimesInput(), 1).values, 1, rtol=1e-9)
    np.testing.assert_allclose(test(network, x, -(x * w).sum(1), 1).values, -1, rtol=1e-9)


def test_subsets_have_one_size_and_differ():
    x = inputs_for("modules")
    subject = Subject(network_of("modules"))
    case = Case(subject, x, subject.bind(1, x), random_order(x))
    test = ev.FaithfulnessCorrelation(side=28, share=0.25)
    drawn = [test.subset(case, sample) for sample in range(6)]
    assert {int(gone.sum()) for gone in drawn} == {256}
    assert len({gone.tobytes() for gone in drawn}) == 6
    assert (drawn[0].reshape(8, 4, 8, 4).mean((1, 3)) % 1 == 0).all(), "squares go together"


SAMPLED = [
    ev.FaithfulnessCorrelation(samples=7, side=28, fill="noise"),
    ev.Infidelity(samples=7, side=112),
    ev.Infidelity(samples=7, side=112, perturbation="square"),
]


@pytest.mark.parametrize("test", SAMPLED, ids=repr)
def test_samples_do_not_depend_on_how_they_are_cut_into_batches(test, monkeypatch):
    network, x = seeded(ResidualNetwork).double(), noise(2, 3, 32, 32, dtype=torch.float64)
    found = []
    for size in (1, 3, 64):
        monkeypatch.setattr(Subject, "batch_size", lambda *_, size=size, **__: size)
        found.append(test(network, x, random_order(x), 1).values)
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-9, atol=1e-12)


def test_the_intact_inputs_share_the_first_batch_of_a_copy_made_ready(monkeypatch):
    network, x = seeded(ResidualNetwork), noise(1, 3, 32, 32)
    subject, asked = Subject(network), []
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 8)
    subject.prepare(x), subject.quick(x)
    plain = Subject.__call__

    def watch(self, x, *rest):
        asked.append((self.model is network, len(x)))
        return plain(self, x, *rest)

    monkeypatch.setattr(Subject, "__call__", watch)
    found = ev.FaithfulnessCorrelation(samples=16)(subject, x, random_order(x), 1)
    assert asked == [(False, 9), (False, 8)]
    assert found.provenance.forwards == 17


@pytest.mark.parametrize(
    ("rows", "size", "times"),
    [(8, 8, 1), (9, 8, 1), (10, 8, 2), (17, 8, 2), (19, 8, 3), (272, 8, 34), (3, 2, 2), (1, 1, 1)],
)
def test_a_few_rows_more_than_a_batch_make_no_batch_of_their_own(rows, size, times):
    assert batches(rows, size) == times


def test_completeness_of_gradient_times_input(linear):
    network, x, w = linear
    with_bias = ev.Completeness(against="zero")(network, x, xw.GradientTimesInput(), 1)
    np.testing.assert_allclose(with_bias.values, 0, atol=1e-12)
    score = network(x)[:, 1].detach()
    found = ev.Completeness(against="nothing")(network, x, xw.GradientTimesInput(), 1)
    bias = float(network.bias[1].detach())
    np.testing.assert_allclose(found.values, (bias / score).abs().numpy(), rtol=1e-9)
    zeros = ev.Completeness()(network, x, torch.zeros_like(x), 1)
    np.testing.assert_allclose(zeros.values, 1)
    turned = ev.Completeness()(network, x, -x * w, 1)
    np.testing.assert_allclose(turned.values, 2, rtol=1e-9)


EXACT = [
    xw.KernelShap(segments=4, samples=100),
    xw.KernelShap(segments=6, samples=100, segmentation="slic"),
    xw.ShapleySampling(segments=9, samples=4),
]


@pytest.mark.parametrize("method", EXACT, ids=repr)
def test_shapley_values_of_segments_are_complete(method):
    subject, x = xw.Subject(network_of("modules")), inputs_for("modules", 2)
    answer = method(subject, x, 1)

    def by_hand(subject, x, target):
        return method.attribute(subject, x, target)

    for explanation in (method, answer, by_hand, Answered(method, answer)):
        found = ev.Completeness()(subject, x, explanation, 1)
        np.testing.assert_allclose(found.values, 0, atol=1e-5)
    assert ev.Completeness()(subject, x, answer.values, 1).mean > 10  # pixels, for all it knows


def test_shapley_values_of_columns_are_complete():
    rows = diabetes_model()[1].data
    subject = xw.TableSubject(diabetes_model()[0].predict, rows)
    method = xw.KernelShap(samples=2000, fill="mean")
    found = ev.Completeness(against="mean")(subject, rows[:2], method, 0)
    np.testing.assert_allclose(found.values, 0, atol=1e-8)


def test_completeness_says_nothing_where_there_is_nothing_to_share_out(linear):
    network, x, _ = linear
    x[1] = 0
    found = ev.Completeness()(network, x, xw.GradientTimesInput(), 1)
    assert np.isnan(found.values).tolist() == [False, True, False]
    assert "1 of 3 inputs score like the absent input" in found.warnings[0]


def test_the_smallest_change_of_a_linear_network_is_its_distance_to_the_border():
    network = seeded(lambda: LinearNetwork((1, 6, 6), 2), seed=1).double()
    x = noise(3, 1, 6, 6, seed=4, dtype=torch.float64)
    scores = network(x).detach()
    classes = scores.argmax(1)
    slope = (network.weight[0] - network.weight[1]).detach()
    test = ev.CEval(share=0.5, halvings=20)
    found = test(network, x, slope.abs().expand(3, -1, -1, -1), classes.tolist())
    free = slope.abs().flatten().sort().values[:18]
    distance = (scores[:, 0] - scores[:, 1]).abs() / free.square().sum().sqrt()
    np.testing.assert_allclose(found.values, distance.numpy(), rtol=1e-4)
    assert found.mean > found.numbers["random"]
    signed = test.having(reading="signed")
    worst = signed(network, x, -slope.abs().expand(3, -1, -1, -1), classes.tolist())
    assert worst.mean < found.numbers["random"]


def test_the_change_that_is_found_changes_the_class_and_spares_what_is_held():
    network, x = network_of("functional").double(), inputs_for("functional").double()
    classes = network(x).argmax(1).tolist()
    found = ev.CEval()(network, x, xw.Saliency(), classes)
    assert (found.values > 0).all()
    more = ev.CEval(share=0.6)(network, x, xw.Saliency(), classes)
    network.float()
    assert (more.values > found.values).all(), "the more is held fast, the harder it gets"


def test_c_eval_asks_for_one_class_that_leads(linear):
    network, x, _ = linear
    with pytest.raises(ExplainError, match="asks when the class changes"):
        ev.CEval()(network, x, xw.Saliency(), xw.Contrast(0, 1))
    behind = network(x).argmin(1).tolist()
    found = ev.CEval()(network, x, xw.Saliency(), behind)
    assert np.isnan(found.values).all()
    assert "another class leads from the start" in found.warnings[0]


# --- what all of them meet ------------------------------------------------------------------


@by_order
def test_a_map_of_one_value_gets_no_score(evaluation):
    network, x = network_of("modules"), inputs_for("modules")
    maps = random_order(x)
    maps[1] = 0.3
    classes = network(x).argmax(1).tolist()
    found = evaluation(network, x, maps, classes)
    assert np.isnan(found.values[1])
    assert "1 of 2 maps are one value throughout" in found.warnings[0]
    if not isinstance(evaluation, ev.CEval):
        assert not np.isnan(found.values[0])


@by_order
def test_the_seed_decides_everything(evaluation):
    network, x = network_of("modules"), inputs_for("modules")
    maps = np.round(random_order(x))  # with ties
    classes = network(x).argmax(1).tolist()
    first, again = (evaluation(network, x, maps, classes).values for _ in range(2))
    assert np.array_equal(first, again, equal_nan=True)
    other = evaluation.having(seed=5)(network, x, maps, classes).values
    if not isinstance(evaluation, (ev.Selectivity, ev.CEval)):
        assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize("fill", [fill for fill in FILLS if fill not in Subject.lacks])
def test_every_fill_keeps_what_is_kept_and_has_draws_of_its_own_if_any(fill):
    x = inputs_for("modules")
    subject = Subject(network_of("modules"), absent=noise(3, 32, 32, seed=8))
    kept = torch.as_tensor(random_order(x) > 0)
    filling = Filling(fill, subject, x)
    filled = filling(kept, torch.arange(2))
    assert torch.equal(filled[kept[:, None].expand_as(x)], x[kept[:, None].expand_as(x)])
    mixed = filling(kept[[0, 0, 1]], torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]))
    assert torch.allclose(mixed[[0, 2]], filled, atol=1e-6)
    assert torch.allclose(mixed[1], filled[0], atol=1e-6) != (fill in ("noise", "neighbours"))


def _planted(network, x, target):
    """The right map of a linear network, and four wrong ones."""
    right = (x * network.weight[target].detach()).sum(1).numpy()
    mixed = np.random.default_rng(0).permutation(right[0].size)
    return {
        "right": right,
        "sign flipped": -right,
        "shuffled": right.reshape(len(x), -1)[:, mixed].reshape(right.shape),
        "another picture's": np.roll(right, 1, 0),
        "random": random_order(x),
    }


@pytest.mark.parametrize(
    "evaluation",
    [
        ev.PixelFlipping(fill="zero", scale="score"),
        ev.Selectivity(fill="zero", scale="score", side=28),
        ev.RegionPerturbation(fill="zero", scale="score", side=28),
        ev.Deletion(scale="score"),
        ev.Insertion(fill="zero", scale="score"),
        ev.FaithfulnessCorrelation(fill="zero", side=1),
        ev.Infidelity(perturbation="square", counted="shares", samples=40),
        ev.Completeness(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_planted_wrong_maps_score_worse_than_the_right_one(linear, evaluation):
    network, x, _ = linear
    maps = _planted(network, x, 1)
    forgiven = {ev.Infidelity: {"sign flipped"}, ev.Completeness: {"shuffled"}}
    sign = 1 if evaluation.better == "higher" else -1
    right = sign * evaluation(network, x, maps["right"], 1).mean
    for name in maps.keys() - {"right"} - forgiven.get(type(evaluation), set()):
        assert sign * evaluation(network, x, maps[name], 1).mean < right - 1e-6, name


@pytest.mark.slow
@pytest.mark.parametrize(
    "evaluation",
    [
        ev.PixelFlipping(steps=8, controls=0),
        ev.Selectivity(),
        ev.RegionPerturbation(repeats=1, regions=40),
        ev.Deletion(steps=8),
        ev.Insertion(steps=8),
        ev.ROAD(spacing=30),
        ev.FaithfulnessCorrelation(samples=40),
        ev.CEval(control=False),
    ],
    ids=lambda e: type(e).__name__,
)
def test_on_the_network_that_names_shapes_wrong_maps_are_caught(evaluation):
    from xaiwidgets import zoo

    subject = zoo.subject("shapes")
    x = subject.prepare([scene.image for scene in zoo.ShapeScenes(4, seed=7)]).x
    classes = subject.model(x).argmax(1).tolist()
    right = xw.IntegratedGradients(steps=8)(subject, x, classes).map()
    sign = 1 if evaluation.better == "higher" else -1
    best = sign * evaluation(subject, x, right, classes).mean
    maps = {
        "sign flipped": -right,
        "shuffled": right.reshape(4, -1)[
            :, np.random.default_rng(0).permutation(right[0].size)
        ].reshape(right.shape),
        "another picture's": np.roll(right, 1, 0),
        "random": random_order(x),
    }
    if isinstance(evaluation, ev.CEval):  # it reads sizes
        del maps["sign flipped"]
    for name, wrong in maps.items():
        assert sign * evaluation(subject, x, wrong, classes).mean < best, name
