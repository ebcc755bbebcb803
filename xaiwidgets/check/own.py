"""Checks of your own: a method against one that is right, and a number or a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaiwidgets.core.method import as_method
from xaiwidgets.core.subject import Subject

from .asking import map_of
from .examples import other_classes, picture_subject, pictures
from .marking import Part, Report, Wrong, marked
from .slips import Question, Slip, agree


def method(
    student: Any,
    reference: Any,
    *,
    slips: Mapping[str, tuple[Any, str]] | None = None,
    steps: str = "hold every step of yours beside the reference's.",
    subject: Any = None,
    inputs: Any = None,
    title: str | None = None,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether a method gives what `reference` gives; both are functions of (subject, x, target) or
    methods of xaiwidgets, and neither draws at random.

    `slips` are mistakes that you know: from what the student's map then is ("the map without the
    cut at 0") to a method that makes it and what to try. Turned, negated, scaled, cut ... maps are
    recognised without them. Raises CheckFailed; with `points` returns the points earned instead.

    >>> check.method(students, xw.Saliency(), slips={
    ...     "the gradient times the input": (xw.GradientTimesInput(), "leave out the product")})
    """
    asked = picture_subject(seed) if subject is None else Subject.of(subject)
    x = asked.prepare(pictures(seed + 1) if inputs is None else inputs).x
    right = as_method(reference)

    def ask(what: Any) -> None:
        target = asked.bind(what, x)
        yours = map_of(student, asked, x, target)
        known = [
            Slip(is_, as_method(wrong).values(asked, x, target), hint)
            for is_, (wrong, hint) in (slips or {}).items()
        ]
        expected = right.values(asked, x, target)
        fitting = [slip for slip in known if slip.gives.shape == expected.shape]
        agree(yours, Question(expected, f"what {right.title} gives.", fitting, steps=steps))

    parts = [
        Part("the predicted class", lambda: ask(None)),
        Part("a class that is asked for", lambda: ask(other_classes(asked, x))),
    ]
    return marked(title or right.title, parts, points)


def answer(
    value: Any,
    expected: Any,
    *,
    slips: Mapping[Any, str] | None = None,
    within: float = 1e-2,
    hint: str = "",
    title: str = "Your answer",
    points: float | None = None,
) -> Report | float:
    """Whether a number lies within the share `within` of what is expected, or a word is it.

    `slips` are answers that you know to be wrong, each with what to tell who gives it; the right
    answer itself is never told. Raises CheckFailed; with `points` returns the points earned
    instead.

    >>> check.answer(error, 0.05, slips={0.25: "this is the standard deviation: divide by √n"})
    """

    def same(a: Any, b: Any) -> bool:
        if isinstance(b, str):
            return isinstance(a, str) and a.strip().casefold() == b.strip().casefold()
        try:
            return abs(float(a) - float(b)) <= within * max(abs(float(b)), 1e-12)
        except (TypeError, ValueError):
            return False

    def ask() -> None:
        if value is ... or value is None:
            raise Wrong("an answer.", "none yet.", "put yours in place of the dots.")
        if same(value, expected):
            return
        told = next((words for wrong, words in (slips or {}).items() if same(value, wrong)), hint)
        raise Wrong("another answer.", f"{_shown(value)}.", told)

    return marked(title, [Part("as expected", ask)], points)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
