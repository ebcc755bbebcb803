"""Rules that hold a prediction in place, found by trying: the search of Anchors (Ribeiro et al.
2018) with bounds by Kullback-Leibler divergence (KL-LUCB, Kaufmann and Kalyanakrishnan 2013)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Parts = tuple[int, ...]
Try = Callable[[Sequence[tuple[Parts, int]]], list[int]]
_TOLERANCE = 0.15  # by how much the best candidates of a length may be missed
_SLACK = 0.05  # by how much the lower bound may stay below the threshold
_DOUBT = 0.1  # probability that the bounds of a search are wrong


@dataclass
class Rule:
    """A rule of the predicates `parts`: it was tried `tries` times and held `held` times."""

    parts: Parts
    coverage: float
    tries: int = 0
    held: int = 0

    @property
    def precision(self) -> float:
        """How often the prediction stayed where the rule holds."""
        return self.held / max(self.tries, 1)

    def lower(self, level: float) -> float:
        """The smallest precision that is not ruled out: tries · KL ≤ level."""
        return 1 - _upper(1 - self.precision, self.tries, level) if self.tries else 0.0

    def upper(self, level: float) -> float:
        """The largest."""
        return _upper(self.precision, self.tries, level) if self.tries else 1.0

    def interval(self) -> tuple[float, float]:
        """Bounds of the precision that are wrong in a tenth of all searches at most, each side."""
        level = math.log(1 / _DOUBT)
        return self.lower(level), self.upper(level)


@dataclass
class Search:
    """Looks among rules of `count` predicates for one whose precision is at least `threshold`, and
    of those for the one that covers most. `attempt` tries rules so many times each and says how
    often each held; `coverage` is the share of inputs to which a rule applies; at most `budget`
    tries are made, `each` of a rule at a time. `look` is handed the best of the rules just tried,
    after every `at_once` tries or more: looking never changes which are made."""

    count: int
    attempt: Try
    coverage: Callable[[Parts], float]
    threshold: float
    budget: int
    each: int
    at_once: int
    look: Callable[[Rule], None] = lambda rule: None
    beam: int = 4
    longest: int = 6
    spent: int = 0

    def best(self) -> tuple[Rule, bool]:
        """The rule, and whether its precision is known to reach the threshold; where none is found
        the most precise one so far."""
        empty = Rule((), 1.0)
        tried = [empty]
        self.pull([empty])
        if self._verified(empty):
            return empty, True
        beam = [empty]
        for _ in range(min(self.longest, self.count)):
            candidates = self._longer(beam)
            if not candidates or self.left == 0:
                break
            self.pull(candidates)
            tried += candidates
            beam = self._strongest(candidates)
            found = [rule for rule in beam if self._verified(rule)]
            if found:
                return max(found, key=lambda rule: (rule.coverage, rule.precision)), True
        level = math.log(1 / _DOUBT)
        return max(tried, key=lambda rule: (rule.lower(level), rule.coverage)), False

    @property
    def left(self) -> int:
        """Tries that may still be made."""
        return self.budget - self.spent

    def pull(self, rules: Sequence[Rule], each: int | None = None) -> None:
        """Try rules, as far as the budget goes."""
        plan: list[tuple[Rule, int]] = []
        for rule in rules:
            times = min(each or self.each, self.left)
            if times:
                plan.append((rule, times))
                self.spent += times
        for part in self._portions(plan):
            held = self.attempt([(rule.parts, times) for rule, times in part])
            for (rule, times), own in zip(part, held, strict=True):
                rule.tries += times
                rule.held += own
            self.look(max((rule for rule, _ in part), key=lambda rule: rule.precision))

    def _portions(self, plan: list[tuple[Rule, int]]) -> Iterator[list[tuple[Rule, int]]]:
        """A plan in parts of as many tries as are asked at once."""
        part: list[tuple[Rule, int]] = []
        for rule, times in plan:
            part.append((rule, times))
            if sum(own for _, own in part) >= self.at_once:
                yield part
                part = []
        if part:
            yield part

    def _longer(self, beam: Sequence[Rule]) -> list[Rule]:
        """Every rule of the beam with one more predicate."""
        grown = {
            tuple(sorted((*rule.parts, more)))
            for rule in beam
            for more in range(self.count)
            if more not in rule.parts
        }
        rules = [Rule(parts, self.coverage(parts)) for parts in sorted(grown)]
        return [rule for rule in rules if rule.coverage > 0]

    def _strongest(self, rules: list[Rule]) -> list[Rule]:
        """The most precise few, told from the rest by trying where they are hardest to tell, for a
        third of what is left at most: rules that are alike cannot be told apart."""
        few, most = min(self.beam, len(rules)), self.left * 2 // 3
        turn = 1
        while True:
            level = _level(len(rules), turn)
            order = sorted(rules, key=lambda rule: -rule.precision)
            top, rest = order[:few], order[few:]
            if not rest or self.left <= most:
                return top
            weakest = min(top, key=lambda rule: rule.lower(level))
            rival = max(rest, key=lambda rule: rule.upper(level))
            if rival.upper(level) - weakest.lower(level) <= _TOLERANCE:
                return top
            self.pull([weakest, rival])
            turn += 1

    def _verified(self, rule: Rule) -> bool:
        """Try a rule until it is clear on which side of the threshold its precision lies, for a
        third of what is left at most."""
        level = math.log((1 + (self.beam - 1) * self.count) / _DOUBT)
        most = self.left * 2 // 3
        while True:
            high = rule.precision >= self.threshold
            if high and rule.lower(level) >= self.threshold - _SLACK:
                return True
            if not high and rule.upper(level) < self.threshold + _SLACK:
                return False
            if self.left <= most:
                return False
            self.pull([rule])


def _level(rules: int, turn: int) -> float:
    """How much evidence rules out a bound at this turn of comparing so many rules."""
    log = math.log(405.5 * rules * turn**1.1 / _DOUBT)
    return log + math.log(log)


def _upper(share: float, tries: int, level: float) -> float:
    """The largest q with tries · KL(share, q) ≤ level, by halving."""
    low, high = share, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if tries * _divergence(share, middle) <= level else (low, middle)
    return low


def _divergence(p: float, q: float) -> float:
    """KL of two coins."""
    q = min(max(q, 1e-12), 1 - 1e-12)
    first = p * math.log(p / q) if p > 0 else 0.0
    return first + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)
