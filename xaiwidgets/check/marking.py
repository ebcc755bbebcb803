"""How a check is marked: parts that hold or do not, advice for those that do not, and points.

A part with one known mistake may still earn some of its points: `MOST` where a single step of the
formula is missing or too many, `HALF` where the right thing was asked of another class, layer or
order, or where what came out was turned afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill

_WIDTH = 96
MOST, HALF = 0.75, 0.5


@dataclass(frozen=True)
class Advice:
    """What a student is told: what was expected, what theirs does, and what to try."""

    expected: str
    yours: str
    hint: str

    def __str__(self) -> str:
        lines = (("Expected", self.expected), ("Yours", self.yours), ("Try", self.hint))
        return "\n".join(_line(f"  {name:<10}", text) for name, text in lines if text)


class Wrong(Exception):  # noqa: N818 - one part of a check, caught by the marking
    """A part of a check does not hold; `earns` is the share of its points that it earns yet."""

    def __init__(self, expected: str, yours: str, hint: str = "", *, earns: float = 0.0) -> None:
        super().__init__(yours)
        self.advice, self.earns = Advice(expected, yours, hint), earns


@dataclass(frozen=True)
class Part:
    """One question of a check: `ask` returns where it holds and raises `Wrong` where not."""

    name: str
    ask: Callable[[], None]


class CheckFailed(AssertionError):  # noqa: N818 - it reads as what happened
    """A student's work does not hold yet; the message says what was expected, what theirs does,
    and what to try. `share` is what it earns of the points, `advice` what is told of each part that
    does not hold."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.share = report.share
        self.advice = [advice for advice in report.advice if advice is not None]

    def _render_traceback_(self) -> list[str]:
        """In a notebook cell: the message alone, without the way down to it."""
        return [str(self)]


@dataclass(frozen=True)
class Report:
    """A marked check: its parts by name, each with the advice for it or None where it holds, and
    what it earns of its points, from 0 to 1."""

    title: str
    names: tuple[str, ...]
    advice: tuple[Advice | None, ...]
    earns: tuple[float, ...]

    @property
    def share(self) -> float:
        """What is earned of all points, from 0 to 1; parts weigh the same."""
        return sum(self.earns) / len(self.earns)

    def __str__(self) -> str:
        head = "holds" if self.share == 1 else "not yet"
        lines, told = [f"{self.title}: {head}."], set[Advice]()
        for name, advice, earns in zip(self.names, self.advice, self.earns, strict=True):
            some = f" (earns {earns:.0%} of its points)" if 0 < earns < 1 else ""
            lines.append(_line("✓ " if advice is None else "✗ ", name + some))
            if advice is not None and advice not in told:
                told.add(advice)
                lines.append(str(advice))
        return "\n".join(lines)

    __repr__ = __str__


def marked(title: str, parts: Sequence[Part], points: float | None) -> Report | float:
    """Ask every part. Without points: the report, or `CheckFailed`; with points: the report is
    printed, and the share of the points that was earned returned."""
    advice, earns = zip(*map(_marked, parts), strict=True)
    report = Report(title, tuple(part.name for part in parts), advice, earns)
    if points is not None:
        print(report)
        return round(points * report.share, 2)
    if report.share < 1:
        raise CheckFailed(report)
    return report


def _marked(part: Part) -> tuple[Advice | None, float]:
    """The advice for a part, if it needs some, and what it earns."""
    try:
        part.ask()
    except Wrong as wrong:
        return wrong.advice, wrong.earns
    return None, 1.0


def _line(start: str, text: str) -> str:
    return fill(
        text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
