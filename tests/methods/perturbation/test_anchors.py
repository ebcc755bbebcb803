"""Anchors of pictures against rules that are known; those of tables are in test_tables.py."""

import math

import numpy as np
import pytest
import torch
from networks import seeded

from xaiwidgets import Contrast, TextSubject
from xaiwidgets.methods import LIME, Anchors
from xaiwidgets.methods.perturbation.bandit import Rule, Search
from xaiwidgets.methods.perturbation.segments import squares


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


def test_a_class_that_is_not_the_answer_is_told_to_stay_behind():
    method = Anchors(segmentation="squares", segments=16, samples=600)
    asked = torch.ones(1, 1, 16, 16)
    found = method(needs(5), asked, 1)
    assert (
        "The network prefers another class to class 1 here: the anchor holds that answer in place, "
        "and not the target."
    ) in found.warnings
    for target in (0, Contrast(1, 0), lambda outputs: outputs[:, 1]):
        assert not any("prefers" in words for words in method(needs(5), asked, target).warnings)


def test_of_a_text_it_names_tokens():
    class Letters(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.letters, self.last = torch.nn.Embedding(26, 4), torch.nn.Linear(4, 2)

        def forward(self, ids):
            return self.last(self.letters(ids).mean(1))

    subject = TextSubject(seeded(Letters), lambda text: [ord(c) - 97 for c in text])
    for method in (Anchors(samples=100), LIME(samples=50)):
        words = " ".join(method(subject, "anchor", 0).facts)
        assert "tokens" in words
        assert "segments" not in words


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

    search = Search(10, attempt, lambda parts: 0.5 ** len(parts), 0.95, 137, 8, 16)
    _, verified = search.best()
    assert sum(asked) == search.spent <= 137
    assert not verified


def searched(at_once):
    """What a search asks and shows, as it goes, and the rule that it finds."""
    told = []

    def attempt(plan):
        told.append(sum(times for _, times in plan))
        return [times if 3 in parts else times // 2 for parts, times in plan]

    search = Search(
        10, attempt, lambda parts: 0.5 ** len(parts), 0.9, 500, 8, at_once,
        lambda rule: told.append(rule.parts),
    )  # fmt: skip
    return told, search.best()[0]


def test_a_rule_is_shown_as_soon_as_one_batch_of_copies_has_tried_any():
    told, _ = searched(16)
    assert told[:2] == [8, ()]  # the empty rule has 8 of its own
    first = next(place for place, one in enumerate(told) if isinstance(one, tuple) and one)
    assert len(told[first]) == 1
    assert told[first - 1] == 16


def test_looking_more_often_changes_nothing_that_is_found():
    assert searched(16)[1] == searched(10_000)[1]
