"""What every question of a checkup is: an evaluation, and how its numbers are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from xaiwidgets.core.errors import one_line
from xaiwidgets.core.scores import Curve, Scores, mean_known
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.words import Words

from ..besides import Besides
from .badge import Badge, Bars, Lines, Verdict

Made = TypeVar("Made")


class Question(Besides):
    """One question to an explanation.

    `grade` measures, as in any evaluation; `read` turns the scores into a badge. `shared` is a dict
    in which work is kept that does not depend on the explanation, for all explanations of the same
    target of the same inputs.
    """

    besides = ("shared",)
    shared: dict[str, Any] | None = None

    name: ClassVar[str]
    word: ClassVar[str]
    """What an explanation is that passes, as short as a badge."""

    asks: ClassVar[str]
    """The question; {whole} and {parts} stand for what inputs are called and consist of."""

    limits: ClassVar[str]

    @property
    def words(self) -> Words:
        """What the inputs that are judged are called, and what they consist of."""
        return (self.shared or {}).get("words", Subject.words)

    def read(self, scores: Scores) -> Badge:
        """The badge that follows from the scores; unknown where there is no number."""
        if np.isnan(scores.mean):
            reason = " ".join(scores.warnings) or "There is nothing to judge."
            return replace(self.unknown(reason), scores=scores)
        return self.tell(scores)

    def tell(self, scores: Scores) -> Badge:
        """The verdict, in a sentence, with its evidence."""
        raise NotImplementedError

    def once(self, what: str, make: Callable[[], Made]) -> Made:
        """Work that all explanations share."""
        if self.shared is None:
            return make()
        if what not in self.shared:
            self.shared[what] = make()
        made: Made = self.shared[what]
        return made

    def unknown(self, reason: str | BaseException) -> Badge:
        """The badge of a question that could not be answered."""
        words = reason if isinstance(reason, str) else one_line(reason)
        return Badge(self.name, "unknown", float("nan"), words, better=self.better)

    def badge(
        self,
        verdict: Verdict,
        value: float,
        sentence: str,
        scores: Scores,
        beside: dict[str, str],
        picture: Lines | Bars,
    ) -> Badge:
        """A badge of this question."""
        return Badge(
            self.name, verdict, value, sentence, scores, self.better, beside, self.limits, picture
        )


def plain(values: np.ndarray) -> list[float]:
    """Numbers as they travel, to four digits after the point."""
    return [round(float(value), 4) for value in values]


def means(curve: Curve) -> list[float]:
    """A curve's mean over the inputs that have a value, point by point."""
    return plain(np.array([mean_known(column) for column in curve.y.T]))
