"""Checks of your own: a method against one that is right, a function's results, and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from xaiwidgets.core.method import as_method
from xaiwidgets.core.subject import Subject

from .asking import called, map_of, named
from .examples import other_classes, picture_subject, pictures
from .marking import Part, Report, Wrong, marked
from .slips import Question, Slip, agree


def method(
    student: Any,
    reference: Any,
    *,
    slips: Mapping[str, tuple[Any, str] | tuple[Any, str, float]] | None = None,
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
    cut at 0") to a method that makes it and what to try; such a map earns half of the points, or
    the share that stands third, as in (method, hint, 0.75). Turned, negated, scaled, cut ... maps
    are recognised without them. Raises CheckFailed; with `points` returns the points earned
    instead.

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
            Slip(is_, as_method(wrong).values(asked, x, target), *told)
            for is_, (wrong, *told) in (slips or {}).items()
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

    def ask() -> None:
        if value is ... or value is None:
            raise Wrong("an answer.", "none yet.", "put yours in place of the dots.")
        _refuse_another(value, expected, slips or {}, within, hint)

    return marked(title, [Part("as expected", ask)], points)


def results(
    student: Any,
    cases: Mapping[str, tuple[tuple[Any, ...], Any]],
    *,
    takes: str,
    slips: Mapping[Any, str] | None = None,
    within: float = 1e-2,
    hint: str = "",
    title: str | None = None,
    points: float | None = None,
) -> Report | float:
    """Whether a function gives what is expected: `cases` are arguments and the result, by name.

    Every case is a part of its own, marked by itself. `takes` names the arguments, as in
    "(heatmap, mask)"; the rest is as for `answer`. A function that is not written yet, stops, or
    takes something else is told so. Raises CheckFailed; with `points` returns the points earned
    instead.

    >>> check.results(share, {"half": ((heatmap, mask), 0.5)}, takes="(heatmap, mask)", points=1)
    """

    def ask(given: tuple[Any, ...], expected: Any) -> None:
        found = called(student, *given, takes=takes)
        _refuse_another(found, expected, slips or {}, within, hint)

    parts = [Part(name, partial(ask, *case)) for name, case in cases.items()]
    return marked(title or named(student), parts, points)


def _refuse_another(
    value: Any, expected: Any, slips: Mapping[Any, str], within: float, hint: str
) -> None:
    """Raise `Wrong` for what is not expected, with what is told of it."""

    def same(other: Any) -> bool:
        if isinstance(other, str):
            return isinstance(value, str) and value.strip().casefold() == other.strip().casefold()
        try:
            return abs(float(value) - float(other)) <= within * max(abs(float(other)), 1e-12)
        except (TypeError, ValueError, RuntimeError):
            return False

    if not same(expected):
        told = next((words for wrong, words in slips.items() if same(wrong)), hint)
        raise Wrong("another answer.", f"{_shown(value)}.", told and f"{told.rstrip('.')}.")


def _shown(value: Any) -> str:
    if getattr(value, "ndim", None) == 0:  # a tensor or an array of one number
        value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
