"""Segments as players: exact Shapley values, ablation by hand, and the linear models' own
errors."""

from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import noise

from xaiwidgets import zoo
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import FeatureAblation, KernelShap, Occlusion, ShapleySampling
from xaiwidgets.methods.perturbation import segments
from xaiwidgets.methods.perturbation.game import Game


def corners(array):
    """A game of nine players, the squares of a 3 × 3 grid: products, so that order matters."""
    a = array[:, 0].reshape(len(array), 3, 4, 3, 4).mean((2, 4)).reshape(len(array), 9)
    score = 2 * a[:, 0] + a[:, 1] * a[:, 2] - 3 * a[:, 4] * a[:, 5] * a[:, 8] + a[:, 7] ** 2
    return np.stack([score, a[:, 0]], 1)


X = noise(1, 1, 3, 3).repeat_interleave(4, 2).repeat_interleave(4, 3)


def exact(value, players):
    """Shapley values by their definition."""
    found = np.zeros(players)
    for i in range(players):
        others = [j for j in range(players) if j != i]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for some in combinations(others, size):
                found[i] += weight * (value({*some, i}) - value(set(some)))
    return found


def value_of(who):
    kept = np.zeros((3, 3))
    kept.flat[list(who)] = 1
    return corners((X[0, 0].numpy() * np.kron(kept, np.ones((4, 4))))[None, None])[0, 0]


def per_segment(found):
    return found.values[0, 0, ::4, ::4].double().flatten().numpy()


def test_kernel_shap_over_all_coalitions_is_exactly_shapley():
    found = KernelShap(segments=9, samples=600)(corners, X, 0)
    np.testing.assert_allclose(per_segment(found), exact(value_of, 9), atol=1e-5)
    assert found.provenance.forwards == 2**9
    assert found.numbers["standard_error"] == 0


def test_kernel_shap_over_some_coalitions_comes_within_its_standard_error():
    found = KernelShap(segments=9, samples=400)(corners, X, 0)
    away = (per_segment(found) - exact(value_of, 9)) / found.error[0, 0, ::4, ::4].flatten().numpy()
    assert np.abs(away).max() < 4.5
    assert 0 < found.numbers["standard_error"] < 0.2


def test_shapley_sampling_comes_within_its_standard_error():
    found = ShapleySampling(segments=9, samples=60)(corners, X, 0)
    error = found.error[0, 0, ::4, ::4].flatten().numpy()
    away = np.abs(per_segment(found) - exact(value_of, 9))
    assert (away <= 4.5 * error + 1e-6).all()


def test_every_order_of_four_players_averages_to_shapley():
    def value(who):
        return value_of(who)

    four = np.mean(
        [
            [value(set(order[: order.index(i) + 1])) - value(set(order[: order.index(i)]))
             for i in range(3)]
            for order in permutations(range(3))
        ],
        0,
    )  # fmt: skip
    np.testing.assert_allclose(exact(value, 3), four, atol=1e-12)


@pytest.mark.parametrize("method", [KernelShap(samples=80), ShapleySampling(samples=6)], ids=str)
def test_shares_add_up_to_the_whole_less_nothing_after_any_number_of_samples(method):
    network, x = network_of("functional"), noise(1, 3, 32, 32)
    found = method.having(segments=16)(network, x, 1)
    shares = found.values[0, 0, 4::8, 4::8].sum()
    with torch.no_grad():
        expected = network(x)[0, 1] - network(torch.zeros_like(x))[0, 1]
    assert float(shares) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("method", [KernelShap(samples=300), ShapleySampling(samples=20)], ids=str)
def test_the_standard_error_is_the_spread_over_seeds(method):
    runs = [method.having(segments=9, seed=seed)(corners, X, 0) for seed in range(30)]
    spread = torch.stack([run.values for run in runs]).std(0)[0, 0, ::4, ::4]
    told = torch.stack([run.error for run in runs]).mean(0)[0, 0, ::4, ::4]
    assert float(told.norm() / spread.norm()) == pytest.approx(1, abs=0.25)


def test_ablation_is_occlusion_by_squares_that_do_not_overlap():
    network, x = network_of("functional"), noise(2, 3, 32, 32)
    ablated = FeatureAblation(segments=16)(network, x, 1)
    occluded = Occlusion(patch=8, stride=8)(network, x, 1)
    assert torch.allclose(ablated.values, occluded.values, atol=1e-6)


def test_two_segments_that_say_the_same_are_worth_nothing_to_ablation_and_half_each_to_shapley():
    def either(array):
        seen = array.reshape(len(array), 4, 4).any(1)
        return np.stack([(seen[:, 0] | seen[:, 1]).astype(float), seen[:, 2].astype(float)], 1)

    x = torch.ones(1, 1, 4, 4)
    stripes = torch.arange(4).expand(4, -1)

    def of(method, monkeypatched):
        return method(either, x, 0).values[0, 0, 0].tolist()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "squares", lambda *_: stripes)
        assert of(FeatureAblation(segments=4), patch) == [0, 0, 0, 0]
        assert of(KernelShap(segments=4), patch) == pytest.approx([0.5, 0.5, 0, 0], abs=1e-6)


# --- cutting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width", "count"), [(32, 32, 50), (20, 60, 12), (3, 3, 50)])
def test_squares_are_a_grid_without_gaps(height, width, count):
    labels = segments.squares(height, width, count)
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))
    assert len(labels.unique()) == pytest.approx(min(count, height * width), rel=0.2)
    sizes = labels.flatten().bincount()
    assert sizes.max() <= 2.5 * sizes.min()


def test_superpixels_follow_the_edges_of_a_picture():
    picture = torch.zeros(1, 3, 40, 40)
    picture[:, :, :, 13:] = 1.0
    labels = segments.cut(Subject(torch.nn.Flatten()), picture, "slic", 16, 5.0)[0]
    left, right = labels[:, :12].unique(), labels[:, 14:].unique()
    assert not set(left.tolist()) & set(right.tolist())
    assert labels.unique().tolist() == list(range(len(labels.unique())))


def test_more_compact_superpixels_have_shorter_borders():
    picture = zoo.ShapeScenes(4, size=96, seed=11)[0].image
    subject = zoo.subject("shapes")

    def border(compactness):
        labels = segments.cut(subject, subject.preprocess(picture), "slic", 20, compactness)[0]
        return int((labels.diff(dim=0) != 0).sum() + (labels.diff(dim=1) != 0).sum())

    assert border(100.0) < 0.95 * border(1.0)


def test_a_segments_own_colour_is_its_mean():
    x, labels = noise(1, 3, 8, 8), segments.squares(8, 8, 4)[None]
    painted = segments.colours(x, labels)
    assert torch.allclose(painted[0, :, 0, 0], x[0, :, :4, :4].mean((1, 2)))
    assert torch.allclose(painted[0, :, 7, 7], painted[0, :, 4, 4])


def test_absent_segments_are_filled_and_present_ones_are_kept():
    seen = []

    def watch(array):
        seen.append(array)
        return np.zeros((len(array), 2))

    x, labels = noise(1, 1, 8, 8), segments.squares(8, 8, 4)
    subject = Subject(watch)
    target = subject.bind(0, x)
    game = Game(subject, x, target, labels, "white")
    game(torch.tensor([[True, False, False, True]]))
    assert (seen[-1][0, 0, :4, 4:] == 1).all()
    np.testing.assert_array_equal(seen[-1][0, 0, :4, :4], x[0, 0, :4, :4].numpy())
    np.testing.assert_array_equal(seen[-1][0, 0, 4:, 4:], x[0, 0, 4:, 4:].numpy())


def test_the_first_order_of_shapley_sampling_is_seen_as_it_goes(monkeypatch):
    subject, x = zoo.subject("shapes"), noise(1, 3, 96, 96)
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 4)
    method, seen = ShapleySampling(samples=4, segments=16), []
    whole = method(subject, x, 1, partial=seen.append)
    first = seen[0]
    assert first.provenance.forwards == 2 + 4  # nobody, everybody, and one batch
    game = Game(subject, x, subject.bind(1, x)[0], method.cut(subject, x)[0], "zero")
    order = method._orders(game.players)[0, :4]
    joined = torch.zeros(5, game.players, dtype=torch.bool)
    for place, player in enumerate(order):
        joined[place + 1 :, player] = True
    wanted = torch.zeros(game.players, dtype=torch.float64)
    wanted[order] = game(joined).diff()
    torch.testing.assert_close(first.values[0], game.paint(wanted), rtol=1e-4, atol=1e-5)
    assert any("has not joined" in fact for fact in first.facts)
    assert not any("has not joined" in fact for fact in whole.facts)
