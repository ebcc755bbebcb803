"""Anchors against rules that are known."""

import math

import numpy as np
import pytest
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods import Anchors, table_anchor
from xaiwidgets.methods.perturbation.bandit import Rule, Search
from xaiwidgets.methods.perturbation.segments import squares


def table(rows, seed=0):
    """Six columns of 0, 1, 2."""
    return np.random.default_rng(seed).integers(0, 3, size=(rows, 6)).astype(float)


def two_rules(rows):
    """Class 1 where the first two columns are 1 and 2, or the last is 0 and the fourth 1."""
    first = (rows[:, 0] == 1) & (rows[:, 1] == 2)
    second = (rows[:, 5] == 0) & (rows[:, 3] == 1)
    return (first | second).astype(int)


def test_a_planted_rule_of_a_table_is_found_exactly_with_its_precision_and_coverage():
    data = table(2000)
    found = 0
    for seed in range(20):
        row = table(1, seed + 100)[0]
        row[:2], row[5] = (1, 2), 2
        rule = table_anchor(two_rules, row, data, categorical=range(6), seed=seed)
        truth = [0, 1]
        found += [predicate.column for predicate in rule.predicates] == truth
        covered = ((data[:, 0] == 1) & (data[:, 1] == 2)).mean()
        assert rule.verified
        assert rule.precision == 1.0
        assert rule.low <= 1.0 <= rule.high
        assert rule.coverage == pytest.approx(covered)
    assert found == 20


def test_the_bounds_hold_the_true_precision():
    data, inside, runs = table(2000), 0, 40
    for seed in range(runs):
        rule = table_anchor(
            two_rules, np.array([0.0, 0, 0, 0, 0, 2]), data, categorical=range(6), seed=seed,
            threshold=0.75, samples=3000,
        )  # fmt: skip
        rows = data.copy()
        for predicate in rule.predicates:
            rows = rows[predicate.holds(rows)]
        truth = (two_rules(rows) == 0).mean()
        inside += rule.low - 0.01 <= truth <= rule.high + 0.01
    assert inside >= 0.85 * runs


def test_numbers_are_cut_at_quartiles():
    data = np.random.default_rng(0).uniform(0, 1, size=(4000, 3))
    rule = table_anchor(
        lambda rows: rows[:, 1] > 0.75, [0.1, 0.9, 0.5], data, names=["a", "b", "c"]
    )
    (predicate,) = rule.predicates
    assert predicate.low == pytest.approx(0.75, abs=0.02)
    assert str(predicate).endswith("< b")
    assert str(rule).startswith(f"{predicate}: class 1 (precision ")
    assert rule.precision > 0.95
    assert rule.coverage == pytest.approx(0.25, abs=0.01)


def test_scores_are_taken_as_well_as_classes():
    data = table(500)
    by_class = table_anchor(two_rules, data[0], data, categorical=range(6))
    by_score = table_anchor(
        lambda rows: np.eye(2)[two_rules(rows)], data[0], data, categorical=range(6)
    )
    assert str(by_class) == str(by_score)


def test_an_answer_that_never_changes_needs_no_rule():
    rule = table_anchor(lambda rows: np.zeros(len(rows), int), np.zeros(6), table(100))
    assert rule.predicates == ()
    assert rule.coverage == 1.0
    assert str(rule).startswith("always: class 0")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((two_rules, [1.0, 2.0], table(10)), "The row has shape (2,) and the data (10, 6)"),
        ((two_rules, np.zeros(6), np.full((3, 6), np.nan)), "NaN or infinite values"),
        ((lambda rows: 1, np.zeros(6), table(10)), "returned shape () for 1 rows"),
    ],
)
def test_what_is_no_table_is_said_in_words(arguments, words):
    with pytest.raises(ExplainError) as refused:
        table_anchor(*arguments)
    assert words in str(refused.value)


def needs(*cells):
    """Class 0 leads while all these cells of a 4 × 4 grid are bright."""

    def ask(array):
        seen = array[:, 0].reshape(len(array), 4, 4, 4, 4).mean((2, 4)).reshape(len(array), 16)
        there = (seen[:, list(cells)] > 0.5).all(1).astype(float)
        return np.stack([there, np.full(len(array), 0.5)], 1)

    return ask


def test_a_pictures_anchor_is_the_segments_that_the_answer_needs():
    method = Anchors(segmentation="squares", segments=16, samples=3000)
    found = method(needs(5, 10), torch.ones(1, 1, 16, 16), 0)
    labels = squares(16, 16, 16)
    chosen = set(labels[found.values[0, 0] == 1].tolist())
    assert chosen == {5, 10}
    assert found.numbers["precision"] == 1.0
    assert found.numbers["precision_low"] > 0.95
    assert found.numbers["coverage"] == 0.25
    assert any(fact.startswith("Anchor: segments 5, 10.") for fact in found.facts)
    assert found.provenance.forwards == 3001


def test_rules_are_shown_while_others_are_tried():
    seen = []
    method = Anchors(segmentation="squares", segments=16, samples=3000)
    method(needs(5, 10), torch.ones(1, 1, 16, 16), 0, partial=seen.append)
    assert seen[0].facts == ["Still searching: shown is the most precise rule of those just tried."]
    assert seen[0].provenance.forwards < 100


def test_too_few_copies_are_warned_about():
    found = Anchors(segmentation="squares", segments=16, samples=30)(
        needs(5, 10), torch.ones(1, 1, 16, 16), 0
    )
    assert any("No anchor is known to hold" in words for words in found.warnings)


def test_other_copies_are_drawn_with_another_seed():
    method = Anchors(segmentation="squares", segments=16, samples=300, threshold=0.6)
    bright = torch.ones(1, 1, 16, 16)
    found = [method.having(seed=seed)(needs(1, 2, 3), bright, 0) for seed in (0, 1)]
    assert found[0].numbers != found[1].numbers or not torch.equal(found[0].values, found[1].values)


def test_one_score_is_an_answer_that_keeps_its_sign():
    found = Anchors(segmentation="squares", segments=4, samples=600)(
        lambda a: a[:, 0, :4, :4].mean((1, 2)) - 0.5, torch.ones(1, 1, 8, 8)
    )
    assert (found.values[0, 0, :4, :4] == 1).all()
    assert found.values.sum() == 16


# --- bounds -------------------------------------------------------------------------------------


def test_bounds_solve_tries_times_kl_equals_level():
    rule = Rule((), 1.0, 40, 30)
    for q in (rule.lower(2.0), rule.upper(2.0)):
        p = 0.75
        assert 40 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))) == pytest.approx(
            2.0, abs=1e-3
        )
    assert Rule((), 1.0, 40, 40).upper(2.0) == pytest.approx(1)
    assert Rule((), 1.0, 40, 40).lower(2.0) == pytest.approx(math.exp(-2 / 40), abs=1e-6)


def test_a_search_never_spends_more_than_its_budget():
    asked = []

    def attempt(plan):
        asked.extend(times for _, times in plan)
        return [times // 2 for _, times in plan]

    search = Search(10, attempt, lambda parts: 0.5 ** len(parts), 0.95, 137, 8)
    _, verified = search.best()
    assert sum(asked) == search.spent <= 137
    assert not verified
