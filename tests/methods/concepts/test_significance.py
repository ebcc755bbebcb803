"""The tests that say whether a concept is more than any set of pictures would be."""

import warnings

import numpy as np
import pytest
from scipy import stats

from xaiwidgets.methods.concepts.significance import (
    against_random,
    as_published,
    interval_of_mean,
    interval_of_share,
)

NULL = np.array([0.2, -0.1, 0.05, 0.3, -0.25, 0.1])


def test_p_and_interval_are_those_of_the_prediction_interval():
    verdict = against_random(0.8, NULL)
    M = len(NULL)
    t = (0.8 - NULL.mean()) / np.sqrt(NULL.var(ddof=1) * (1 + 1 / M))
    assert verdict.p == pytest.approx(2 * (1 - stats.t.cdf(abs(t), M - 1)))
    assert against_random(verdict.high, NULL).p == pytest.approx(0.05)
    assert against_random(verdict.low, NULL).p == pytest.approx(0.05)


def test_one_more_random_set_lies_outside_as_often_as_the_level_says():
    sets = np.random.default_rng(0).standard_normal((4000, 9))
    share = np.mean([against_random(row[0], row[1:]).p < 0.05 for row in sets])
    assert share == pytest.approx(0.05, abs=0.012)


def test_there_is_no_p_where_random_sets_are_all_alike():
    assert np.isnan(against_random(1.0, np.ones(8)).p)


@pytest.mark.filterwarnings("ignore:Precision loss")
def test_the_published_test_is_that_of_scipy():
    concept = np.array([0.9, 0.8, 0.95, 0.7])
    expected = stats.ttest_ind(concept, NULL).pvalue
    assert as_published(concept, NULL) == pytest.approx(expected, rel=1e-12)
    alike = stats.ttest_ind(NULL, np.ones(4)).pvalue
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_published(1 + 1e-15 * np.arange(4), NULL) == pytest.approx(alike)
    assert np.isnan(as_published(concept[:1], NULL))
    assert np.isnan(as_published(np.ones(4), np.ones(4)))


def test_the_interval_of_shares_is_that_of_student_and_ends_at_0_and_1():
    shares = np.array([0.5, 0.6, 0.55, 0.4])
    expected = stats.t.interval(0.95, 3, shares.mean(), stats.sem(shares))
    assert interval_of_share(shares) == pytest.approx(expected)
    assert interval_of_mean(4 * shares) == pytest.approx(np.multiply(4, expected))
    assert np.isnan(interval_of_share(shares[:1])).all()
    assert interval_of_share(np.array([1.0, 1.0, 0.9]))[1] == 1.0
