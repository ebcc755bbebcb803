"""One concept as it was given or made by hand: its examples, and the code that makes it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from xaiwidgets.core.batches import batches
from xaiwidgets.core.subject import Subject

from . import pack
from .wire import Array, ConceptRow

SHOWN = 6
_SIDE = 48


@dataclass(eq=False)
class Made:
    """A concept of that name: `data` is whatever TCAV takes for examples. One made by hand keeps
    the pictures or the strokes that it was made of."""

    name: str
    origin: Literal["given", "lasso", "brush"]
    data: Any
    rows: Sequence[int] = ()
    strokes: Mapping[int, list[list[int]]] = field(default_factory=dict)
    _shown: list[Array] | None = None

    def card(self, subject: Subject, count: int | None) -> ConceptRow:
        """It as the page shows it: how many examples were taken, where that is known, and the first
        of them, which are prepared once."""
        if self._shown is None:
            first = next(batches(subject, self.data, SHOWN)).x[:SHOWN]
            pictures = subject.preprocessing.pictures(first)[0]
            self._shown = [pack.thumb(picture, _SIDE) for picture in pictures]
        return {
            "name": self.name, "origin": self.origin, "count": count, "examples": self._shown,
        }  # fmt: skip

    @property
    def code(self) -> str:
        """The call on a widget `w` that makes it again; "" where it was given."""
        if self.origin == "given":
            return ""
        of = list(self.rows) if self.origin == "lasso" else dict(self.strokes)
        return f"w.{self.origin}({self.name!r}, {of!r})"


def given(name: str, data: Any) -> Made:
    """A concept that was handed over; what can be read only once is read now."""
    return Made(name, "given", list(data) if isinstance(data, Iterator) else data)
