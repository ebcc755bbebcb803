"""A checkup: every question to explanations of one target, with the work that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import Cancelled
from xaiwidgets.core.evaluation import Answered
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.masks import boolean
from xaiwidgets.core.method import as_method
from xaiwidgets.core.subject import Subject

from .badge import Badge
from .faithfulness import Faithfulness
from .localisation import Localisation
from .question import Question
from .sanity import Sanity
from .stability import Stability

Progress = Callable[[float], None]
QUESTIONS: tuple[type[Question], ...] = (Sanity, Faithfulness, Stability, Localisation)


class Checkup:
    """Which explanations of a decision can be trusted?

    >>> checkup = Checkup(subject, picture, masks=mask)
    >>> {name: checkup.badges(method) for name, method in methods.items()}

    What does not depend on the explanation is done once for all of them: the networks that forgot,
    the score while pixels go in random orders, the noisy inputs. `masks` are true where the object
    lies, an array (inputs, height, width) or several by name, of which the first that says
    something is taken.
    """

    def __init__(self, subject: Any, inputs: Any, target: Any = None, *, masks: Any = None) -> None:
        self.subject = Subject.of(subject)
        self.inputs = self.subject.prepare(inputs)
        self.target = self.subject.bind(target, self.inputs.x)
        mask, self.masks = _telling(masks)
        shared: dict[str, Any] = {"mask": mask, "words": self.subject.words}
        self.questions = [
            ask(shared=shared) for ask in QUESTIONS if self.masks is not None or not ask.needs_masks
        ]

    def badges(
        self,
        explanation: Any,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Badge]:
        """Every question to an explanation: a method, a function, or values."""
        parts = 1 + len(self.questions)
        if not isinstance(explanation, (Heatmap, Answered)) and not hasattr(explanation, "shape"):
            method = as_method(explanation)
            answer = method(
                self.subject, self.inputs, self.target, progress=_share(progress, 0, parts),
                cancel=cancel,
            )  # fmt: skip
            explanation = Answered(method, answer)
        return [
            self.ask(question, explanation, progress=_share(progress, i + 1, parts), cancel=cancel)
            for i, question in enumerate(self.questions)
        ]

    def ask(
        self,
        question: Question,
        explanation: Any,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> Badge:
        """One question; where it cannot be answered the badge is unknown and says why."""
        try:
            scores = question(
                self.subject, self.inputs, explanation, self.target, masks=self.masks,
                progress=progress, cancel=cancel,
            )  # fmt: skip
            return question.read(scores)
        except Cancelled:
            raise
        except Exception as error:
            return question.unknown(error)


def badges(
    subject: Any,
    inputs: Any,
    explanation: Any,
    target: Any = None,
    *,
    masks: Any = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> list[Badge]:
    """Can this explanation be trusted? Sanity, faithfulness against random orders, stability, and,
    with `masks`, localisation.

    The arguments are those of an evaluation; for several explanations of the same decision a
    `Checkup` shares work. A question that cannot be answered (values given, so that nothing can be
    explained anew; a map that is constant) has the verdict "unknown" and says why.
    """
    checkup = Checkup(subject, inputs, target, masks=masks)
    return checkup.badges(explanation, progress=progress, cancel=cancel)


def _share(progress: Progress | None, i: int, parts: int) -> Progress:
    """The progress of one part of the whole."""
    return lambda part: progress((i + part) / parts) if progress else None


def _telling(masks: Any) -> tuple[str, Any]:
    """The first mask that is neither empty nor everything, with its name; else simply the first."""
    if not isinstance(masks, Mapping):
        return "the mask", masks
    if not masks:
        return "", None
    telling = (name for name, mask in masks.items() if 0 < boolean(mask).mean() < 1)
    name = next(telling, next(iter(masks)))
    return f"{name!r}", masks[name]
