"""One concept at one layer: its scores, and whether a random set would lie as far out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from .significance import against_random, as_published, interval_of_mean, interval_of_share
from .space import Direction

Measure = Literal["magnitude", "score"]
MEASURES: tuple[Measure, ...] = ("magnitude", "score")
LEVEL = 0.05
TELLING = 0.6


class Counterparts(NamedTuple):
    """What random sets that stood in for a concept scored: shares and magnitudes (stand-ins,)."""

    shares: np.ndarray
    magnitudes: np.ndarray

    @classmethod
    def of(cls, null: Sequence[Direction]) -> Counterparts:
        """From what the CAVs of the stand-ins say."""
        shares, magnitudes = ([getattr(n, name) for n in null] for name in ("share", "magnitude"))
        return cls(np.array(shares), np.array(magnitudes))


@dataclass(frozen=True)
class ConceptScore:
    """One concept at one layer.

    `score` is the share of inputs whose score rises along the CAV, the mean over negative sets with
    its 95 % interval `low` to `high`; `magnitude` the mean derivative along the mean CAV, with its
    interval. `random_low` to `random_high` is where one more random set would lie, in what was
    tested, and `p` how seldom one would lie as far out; `published_p` is the paper's t-test.
    `significant` is corrected for the number of concepts and layers. `refusal` says why there is no
    score. `examples` is how many were taken. `random` holds what the random sets scored.
    """

    concept: str
    layer: str
    examples: int
    score: float
    low: float
    high: float
    magnitude: float
    magnitude_low: float
    magnitude_high: float
    random_low: float
    random_high: float
    accuracy: float
    agreement: float
    p: float
    published_p: float
    significant: bool
    refusal: str
    direction: Direction = field(repr=False)
    random: Counterparts = field(repr=False)

    @classmethod
    def of(
        cls, concept: str, layer: str, examples: int, found: Direction, null: Sequence[Direction]
    ) -> ConceptScore:
        """From what the concept's CAVs and those of its stand-ins say, not yet tested."""
        apart = np.array([n.shares[i % len(n.shares)] for i, n in enumerate(null)])
        reach = interval_of_mean(found.magnitudes / (found.agreement or np.nan))
        unknown = float("nan")
        return cls(
            concept, layer, examples, found.share, *interval_of_share(found.shares),
            found.magnitude, *reach, unknown, unknown, found.accuracy, found.agreement, unknown,
            as_published(found.shares, apart), False, _refusal(found), found, Counterparts.of(null),
        )  # fmt: skip

    def judged(self, measure: str, questions: int) -> ConceptScore:
        """The same, tested by "magnitude" or by "score" among so many questions."""
        if measure == "magnitude":
            value, null = self.magnitude, self.random.magnitudes
        else:
            value, null = self.score, self.random.shares
        verdict = against_random(value, null)
        low, high = verdict.low, verdict.high
        if measure == "score":
            low, high = max(low, 0.0), min(high, 1.0)
        counts = not self.refusal and verdict.p < LEVEL / questions
        return replace(self, random_low=low, random_high=high, p=verdict.p, significant=counts)

    def plain(self) -> dict[str, Any]:
        """Its numbers and words by name."""
        return {key: value for key, value in vars(self).items() if key not in _HELD}


_HELD = ("direction", "random")


def _refusal(found: Direction) -> str:
    """Why a concept gets no score; "" where it does."""
    if found.accuracy < TELLING:
        return f"told apart in {found.accuracy:.0%} of held-out examples"
    return "" if found.sensitivities.any() else "the score does not depend on this layer"
