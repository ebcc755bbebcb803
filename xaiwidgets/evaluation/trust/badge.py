"""A badge: the answer to one question about an explanation, with what it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from xaiwidgets.core.scores import Better, Scores

Verdict = Literal["good", "doubtful", "poor", "unknown"]


@dataclass(frozen=True)
class Line:
    """A line of a picture, NaN where there is nothing to say; a control is there to compare with,
    and may have a band."""

    name: str
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    control: bool = False


@dataclass(frozen=True)
class Lines:
    """A picture of lines over `x`, 0 ... 1, between two ends that have names. The verdict is read
    at `at`, where it is read at one place."""

    x: list[float]
    lines: list[Line]
    x_label: str
    y_label: str
    ends: tuple[str, str]
    at: float | None = None


@dataclass(frozen=True)
class Bar:
    """One bar: a share of 1, and its name."""

    name: str
    value: float
    control: bool = False


@dataclass(frozen=True)
class Bars:
    """A picture of bars that share one scale; `label` says what they measure."""

    bars: list[Bar]
    label: str


@dataclass(frozen=True)
class Badge:
    """One question's answer: a verdict, the number behind it, a sentence, and the evidence.

    `beside` is the number with its controls, in words by name; `limits` says from where to where a
    verdict reaches, which is a convention: the number is what counts. `picture` is drawn by the
    widget, `scores` hold everything that was measured, None where nothing could be.
    """

    question: str
    verdict: Verdict
    value: float
    sentence: str
    scores: Scores | None = None
    better: Better = ""
    beside: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    picture: Lines | Bars | None = None

    @property
    def rank(self) -> float | None:
        """The number turned so that more is better, to sort by among equal verdicts; None where it
        is not known."""
        if self.verdict == "unknown" or math.isnan(self.value):
            return None
        return -self.value if self.better == "lower" else self.value

    def __repr__(self) -> str:
        return f"Badge({self.question}: {self.verdict}. {self.sentence})"


def graded(value: float, good: float, poor: float) -> Verdict:
    """Where a value stands between the good end and the poor one, whichever way round they are."""
    if (value - good) * (poor - good) <= 0:
        return "good"
    return "poor" if (value - poor) * (poor - good) >= 0 else "doubtful"
