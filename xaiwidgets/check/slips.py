"""Known mistakes: each is what it would give, and a student's values are held against all of them.

A `Slip` says what a mistake gives in place of what is expected, what the student did, and what to
try. `agree` tells apart: what holds, one slip, a slip and a twist together (a twist is done to any
map: turned, negated, cut, scaled), and what is none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from .marking import HALF, MOST, Wrong

SAME = 1e-3
"""Up to which relative distance two arrays are the same: single precision and a detour or two."""

_APART = 1e-2  # a slip that gives this nearly what is expected says nothing here


@dataclass(frozen=True)
class Slip:
    """A known mistake: the values that it `gives`, what the student's are (`is_`, completing
    "yours is ..."), what to try, and what it still `earns` of the points."""

    is_: str
    gives: torch.Tensor
    hint: str
    earns: float = HALF


@dataclass(frozen=True)
class Question:
    """What is expected of an array, and the slips that are known for it.

    `factors` are numbers by which it may be too large or too small, each with the reason that
    completes "... times too large:". `steps` is advice for what nothing explains.
    """

    expected: torch.Tensor
    words: str
    slips: Sequence[Slip] = ()
    factors: dict[float, str] = field(default_factory=dict)
    steps: str = "go through the formula on one pixel by hand, and print your steps beside it."
    twists: bool = True


def agree(yours: torch.Tensor, question: Question) -> None:
    """Raise `Wrong`, with the mistake by name where it is known, if the values do not agree."""
    expected = question.expected.detach().double()
    yours = _like(yours, expected)
    if _distance(yours, expected) <= SAME:
        return
    told = _told(yours, expected, question)
    if told is None:
        raise Wrong(question.words, *_unknown(yours, expected, question))
    yours_is, hint, earns = told
    raise Wrong(question.words, yours_is, hint, earns=earns)


def _told(
    yours: torch.Tensor, expected: torch.Tensor, question: Question
) -> tuple[str, str, float] | None:
    """What is known of these values: what they are, what to try, and what they earn."""
    if not bool(yours.any()):
        hint = (
            "print what comes after every step: a gradient of a saturated softmax, a detached "
            "tensor, or a cut on the wrong side gives 0."
        )
        return "0 everywhere.", hint, 0.0
    slips = [slip for slip in question.slips if _distance(slip.gives.double(), expected) > _APART]
    right = _Known(expected, "", "", 1.0)
    exact = [right, *(_Known(s.gives.double(), s.is_, s.hint, s.earns) for s in slips)]
    twisted = [each for known in exact for each in _twisted(known)] if question.twists else []
    for known in (*exact[1:], *twisted):
        if _distance(known.values, expected) > _APART and _distance(yours, known.values) <= SAME:
            return known.said()
    for known in (*exact, *twisted):
        times = _times(yours, known.values)
        if times is not None:
            return known.scaled(times, question.factors)
    return None


@dataclass(frozen=True)
class _Known:
    values: torch.Tensor
    is_: str
    hint: str
    earns: float

    def said(self) -> tuple[str, str, float]:
        return f"{self.is_}.", f"{self.hint}.", self.earns

    def scaled(self, times: float, factors: dict[float, str]) -> tuple[str, str, float]:
        why = next((why for by, why in factors.items() if abs(times / by - 1) < 1e-2), "")
        size = f"{times:.4g} times" if times > 0 else f"−{-times:.4g} times"
        what = self.is_ or "what is expected"
        hint = (
            why or "look for a mean that should be a sum, the other way round, or a normalisation"
        )
        hints = "; ".join(part for part in (self.hint, hint) if part)
        return f"{size} {what}.", f"{hints}.", self.earns * (MOST if why and times > 0 else HALF)


def _twisted(known: _Known) -> Iterable[_Known]:
    """What happens to any map, done to a known one."""
    values, space = known.values, known.values.ndim >= 2
    for name, twist, hint, spatial in _TWISTS:
        if spatial and not (space and values.shape[-1] == values.shape[-2]) and "swapped" in name:
            continue
        if spatial and not space:
            continue
        joined = f"{known.is_}, and {name}" if known.is_ else f"the expected values {name}"
        hints = "; ".join(p for p in (known.hint, hint) if p)
        yield _Known(twist(values), joined, hints, known.earns * HALF)


Twist = Callable[[torch.Tensor], torch.Tensor]


def _largest(v: torch.Tensor) -> torch.Tensor:
    each = v.abs().flatten(1).amax(1) if v.ndim > 1 else v.abs().amax()
    return each.clamp_min(1e-30).view(-1, *[1] * (v.ndim - 1)) if v.ndim > 1 else each


def _unit(v: torch.Tensor) -> torch.Tensor:
    flat = v.flatten(1) if v.ndim > 1 else v[None]
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    return ((flat - low) / (high - low).clamp_min(1e-30)).view(v.shape)


_TWISTS: tuple[tuple[str, Twist, str, bool], ...] = (
    ("with the sign turned", lambda v: -v,
     "look for a minus, or for a difference taken the other way round", False),
    ("without their signs", lambda v: v.abs(),
     "leave out abs(): what speaks against the class is negative", False),
    ("cut at 0", lambda v: v.clamp_min(0),
     "leave out the ReLU at the end: negative values are wanted here", False),
    ("squared", lambda v: v.square(), "leave out the square", False),
    ("with height and width swapped", lambda v: v.transpose(-1, -2),
     "look for a transpose, or for indices taken as (x, y) instead of (row, column)", True),
    ("upside down", lambda v: v.flip(-2), "rows count from the top; leave out the flip", True),
    ("mirrored", lambda v: v.flip(-1), "columns count from the left; leave out the flip", True),
    ("each divided by its largest value", lambda v: v / _largest(v),
     "leave the values as they are: widgets scale the colours when they draw", False),
    ("each brought to 0...1", _unit,
     "leave the values as they are: widgets scale the colours when they draw", False),
)  # fmt: skip


def _like(yours: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Yours in the shape of what is expected: channels are added up where that has one."""
    if yours.ndim == expected.ndim and yours.ndim >= 3 and expected.shape[1] == 1 < yours.shape[1]:
        return yours.sum(1, keepdim=True)
    if yours.shape != expected.shape:
        raise Wrong(
            f"shape {tuple(expected.shape)}.", f"shape {tuple(yours.shape)}.",
            "print the shape after every step.",
        )  # fmt: skip
    return yours


def _distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """‖a − b‖ ÷ ‖b‖; where b is 0, that of a."""
    if a.shape != b.shape:
        return float("inf")
    size = float(b.norm())
    return float((a - b).norm()) / (size if size > 0 else 1.0)


def _times(a: torch.Tensor, b: torch.Tensor) -> float | None:
    """c where a = c · b, if there is one."""
    size = float(b.square().sum())
    if size == 0 or a.shape != b.shape or a.numel() < 2:
        return None
    c = float((a * b).sum()) / size
    return c if c != 0 and _distance(a, c * b) <= SAME else None


def _unknown(yours: torch.Tensor, expected: torch.Tensor, question: Question) -> tuple[str, str]:
    """How values differ that no known mistake gives."""
    away = (yours - expected).abs()
    where = tuple(int(i) for i in torch.unravel_index(away.argmax(), away.shape))
    pair = f"there {float(yours[where]):.4g} in place of {float(expected[where]):.4g}"
    alike = "" if yours.numel() < 3 else f"correlation {_correlation(yours, expected):.2f}, and "
    size = f"{_distance(yours, expected):.0%} away from it"
    return f"{size}: {alike}furthest at {list(where)}, {pair}.", question.steps


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = (v.flatten() - v.mean() for v in (a, b))
    below = float(a.norm() * b.norm())
    return float(a @ b) / below if below > 0 else 0.0
