"""From local to global, by hand."""

import numpy as np
import pytest
from conftest import network_of
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods import LIME, Saliency, gale, normlime, sp_lime, weights_of

W = np.array([[3.0, 0, -1, 0], [1, 0, 0, 0], [0, 4, 0, 0], [0, 0, 0, 0.25]])
CLASSES = np.array([0, 0, 1, 1])


def test_the_pick_covers_most_of_what_matters_first():
    pick = sp_lime(W, 3)
    np.testing.assert_allclose(pick.importance, [2, 2, 1, 0.5])
    assert pick.chosen == (0, 2, 3)
    np.testing.assert_allclose(pick.covered, [3 / 5.5, 5 / 5.5, 1])


def test_the_pick_covers_more_than_random_ones():
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(60, 40)) * (draw.random((60, 40)) < 0.15)
    pick = sp_lime(weights, 5)

    def covered(rows):
        return pick.importance[(weights[rows] != 0).any(0)].sum() / pick.importance.sum()

    random = [covered(draw.choice(60, 5, replace=False)) for _ in range(400)]
    assert pick.covered[-1] == pytest.approx(covered(list(pick.chosen)))
    assert pick.covered[-1] > np.quantile(random, 0.95)


def test_no_more_answers_are_picked_than_there_are():
    assert sorted(sp_lime(W, 9).chosen) == [0, 1, 2, 3]


def test_the_aggregates_of_gale_by_hand():
    np.testing.assert_allclose(gale(W, CLASSES, "lime"), [[2, 0, 1, 0], [0, 2, 0, 0.5]])
    np.testing.assert_allclose(gale(W, CLASSES, "average"), [[2, 0, 1, 0], [0, 4, 0, 0.25]])


def test_a_feature_of_one_class_keeps_its_weight_and_one_of_every_class_loses_it():
    weights = np.array([[4.0, 9, 1], [0, 9, 1]])
    found = gale(weights, np.array([0, 1]))
    np.testing.assert_allclose(found, [[2, 0, 0], [0, 0, 0]], atol=1e-12)


def test_homogeneity_is_the_formula_feature_by_feature():
    draw = np.random.default_rng(3)
    weights = draw.normal(size=(30, 7)) * (draw.random((30, 7)) < 0.6)
    weights[:, 6] = 0  # no answer speaks of it
    classes = draw.integers(0, 3, 30)
    importance = [[sum(abs(weights[classes == c, j])) ** 0.5 for j in range(7)] for c in range(3)]
    entropy = []
    for j in range(6):
        shares = [importance[c][j] / sum(importance[k][j] for k in range(3)) for c in range(3)]
        entropy.append(-sum(p * np.log(p) for p in shares if p > 0))
    low, high = min(entropy), max(entropy)
    expected = [
        [(1 - (entropy[j] - low) / (high - low)) * importance[c][j] for j in range(6)] + [0]
        for c in range(3)
    ]
    np.testing.assert_allclose(gale(weights, classes), expected, atol=1e-12)


def test_where_every_feature_is_as_homogeneous_every_weight_stays():
    alike = np.array([[4.0, 9], [4, 9]])
    np.testing.assert_allclose(gale(alike, np.array([0, 1])), [[2, 3], [2, 3]])
    nearly = np.array([[0.1, 0.3], [0.2, 0.6]])  # the same shares, up to rounding
    np.testing.assert_allclose(gale(nearly, np.array([0, 1])), np.sqrt(nearly))


def test_normlime_by_hand():
    weights = np.array([[3.0, 0, -1], [1, 0, 0], [0, 2, 2]])
    found = normlime(weights, np.array([0, 0, 1]))
    np.testing.assert_allclose(found, [[(9 / 4 + 1) / 2, 0, 1 / 4], [0, 1, 1]])


def test_normlime_counts_a_feature_by_its_part_of_the_answer():
    quiet, loud = np.array([[2.0, 1]]), np.array([[2.0, 98]])
    assert normlime(quiet, [0])[0, 0] == pytest.approx(4 / 3)
    assert normlime(loud, [0])[0, 0] == pytest.approx(0.04)


def test_answers_of_squares_become_weights():
    method = LIME(samples=60, segmentation="squares", segments=16, fill="zero")
    both = method(network_of("functional"), noise(2, 3, 32, 32), 1)
    np.testing.assert_array_equal(weights_of(both), weights_of([both]))
    one = method(network_of("functional"), noise(1, 3, 32, 32, seed=5), 1)
    weights = weights_of([both, one])
    assert weights.shape == (3, 16)
    np.testing.assert_allclose(weights[1], both.values[1, 0, 4::8, 4::8].flatten(), rtol=1e-5)


def test_superpixels_and_methods_without_segments_cannot_be_put_together():
    network = network_of("functional")
    answers = LIME(samples=10)(network, noise(2, 3, 32, 32), 1)
    with pytest.raises(ExplainError, match=r"different segments, .* use segmentation='squares'"):
        weights_of([answers])
    with pytest.raises(ExplainError, match="Saliency has no segments"):
        weights_of([Saliency()(network, noise(1, 3, 32, 32), 1)])


def test_words_and_other_columns_are_not_the_same_features():
    few, many = (
        xw.FeatureAblation(fill="mean")(xw.TableSubject(lambda rows: rows[:, 0], data), data[0])
        for data in (np.eye(3), np.eye(4))
    )
    with pytest.raises(ExplainError, match="different columns"):
        weights_of([few, many])
    subject = xw.TextSubject(seeded(Bag), lambda text: [ord(c) - 97 for c in text])
    with pytest.raises(ExplainError, match="A word of one text is no feature of another"):
        weights_of(xw.FeatureAblation()(subject, "abc", 0))


class Bag(nn.Module):
    """A network of 26 letters."""

    def __init__(self):
        super().__init__()
        self.letters, self.last = nn.Embedding(26, 4), nn.Linear(4, 2)

    def forward(self, ids):
        return self.last(self.letters(ids).mean(1))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: sp_lime([1.0, 2.0]), "The weights have shape"),
        (lambda: sp_lime([[1.0, 2.0], [3.0]]), "a list that is no table of numbers"),
        (lambda: sp_lime(W, 0), "budget is 0"),
        (lambda: gale(W, [0, 1]), "one class number, counted from 0, for each of the 4 answers"),
        (lambda: normlime(W, [0, 1, -1, 0]), "counted from 0"),
        (lambda: gale(W, CLASSES, "sum"), "form is 'sum'"),
    ],
)
def test_what_is_no_table_of_weights_is_said_in_words(ask, words):
    with pytest.raises(ExplainError, match=words):
        ask()
