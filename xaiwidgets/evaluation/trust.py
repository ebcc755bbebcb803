"""Badges: four quick questions to one explanation, each with its evidence and one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xaiwidgets.core.errors import ExplainError, one_line
from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.scores import Scores
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import Target

from .faithfulness.pixel_flipping import PixelFlipping, aopc
from .localisation.relevance_mass import RelevanceMass
from .robustness.max_sensitivity import MaxSensitivity
from .sanity.parameter_randomisation import ParameterRandomisation

Verdict = Literal["good", "doubtful", "poor", "unknown"]


@dataclass(frozen=True)
class Badge:
    """One question's answer: a verdict, the number behind it, a sentence, and the evidence.

    The limits between verdicts are conventions, said in the sentence; the number is what counts.
    """

    question: str
    verdict: Verdict
    value: float
    sentence: str
    scores: Scores | None = None

    def __repr__(self) -> str:
        return f"Badge({self.question}: {self.verdict}. {self.sentence})"


def badges(
    subject: Any,
    inputs: Any,
    explanation: Any,
    target: Any = None,
    *,
    masks: Any = None,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
) -> list[Badge]:
    """Sanity, faithfulness against random, stability, and, with `masks`, localisation.

    The arguments are those of an evaluation. A question that cannot be asked (values given, so that
    nothing can be explained anew; a map that is constant) has the verdict "unknown" and says why.
    """
    judged = Subject.of(subject)
    ready = judged.prepare(inputs)
    aim = judged.bind(Target(target), ready.x)
    tests: list[tuple[str, Evaluation, Callable[[Scores], tuple[Verdict, float, str]]]] = [
        ("sanity", ParameterRandomisation(), _sane),
        ("faithfulness", PixelFlipping(steps=16), _faithful),
        ("stability", MaxSensitivity(samples=5, radius=0.05), _steady),
    ]
    if masks is not None:
        tests.append(("localisation", RelevanceMass(), _located))
    found = []
    for i, (question, evaluation, read) in enumerate(tests):

        def share(part: float, i: int = i) -> None:
            if progress:
                progress((i + part) / len(tests))

        try:
            scores = evaluation(
                judged, ready, explanation, aim, masks=masks, progress=share, cancel=cancel
            )
        except ExplainError as error:
            found.append(Badge(question, "unknown", float("nan"), one_line(error)))
            continue
        verdict, value, sentence = read(scores)
        if np.isnan(value):
            verdict, sentence = "unknown", " ".join(scores.warnings) or "There is nothing to judge."
        found.append(Badge(question, verdict, value, sentence, scores))
    return found


def _graded(value: float, good: float, poor: float) -> Verdict:
    """Where a value stands between the good end and the poor one, whichever way round they are."""
    if (value - good) * (poor - good) <= 0:
        return "good"
    return "poor" if (value - poor) * (poor - good) >= 0 else "doubtful"


def _sane(scores: Scores) -> tuple[Verdict, float, str]:
    value = scores.numbers["kept"]
    return _graded(value, 0.4, 0.7), value, scores.facts[0]


def _faithful(scores: Scores) -> tuple[Verdict, float, str]:
    """Beside what random orders reach: their mean, and the best of them point by point."""
    own = scores.mean
    random = scores.numbers["random"]
    best = float(np.nanmean(aopc(scores.curves["random, lowest"].y)))
    verdict: Verdict = "good" if own > best else "doubtful" if own > random else "poor"
    words = {
        "good": "more than any random order",
        "doubtful": "no more than random orders do",
        "poor": "less than a random order",
    }
    sentence = (
        f"Taking its pixels away lowers the {scores.curves['random'].y_label} by {own:.2f} on "
        f"average, {words[verdict]} ({random:.2f})."
    )
    return verdict, own - random, sentence


def _steady(scores: Scores) -> tuple[Verdict, float, str]:
    value = scores.mean
    sentence = (
        f"Noise of up to 5 % of the range changes the map by {100 * value:.0f} % of its size."
    )
    return _graded(value, 0.5, 1.0), value, sentence


def _located(scores: Scores) -> tuple[Verdict, float, str]:
    chance = scores.numbers.get("chance", float("nan"))
    value = scores.mean / chance
    sentence = (
        f"{100 * scores.mean:.0f} % of its evidence lies in the mask, which covers "
        f"{100 * chance:.0f} % of the picture."
    )
    return _graded(value, 2.0, 1.0), value, sentence
