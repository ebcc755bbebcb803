"""One row of a table as it is read: what its columns are called, and what stands in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cells:
    """The cells of one row: `names` are its columns', `pieces` what stands in them, in words;
    `title` is what the row is called."""

    names: tuple[str, ...]
    pieces: tuple[str, ...]
    title: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def plain(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
        return {"names": list(self.names), "pieces": list(self.pieces), "title": self.title}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Cells:
        """The same again, from what `plain` gave."""
        return cls(tuple(values["names"]), tuple(values["pieces"]), values["title"])


def as_written(number: float) -> str:
    """A number as a table shows it: up to five digits, and whole numbers whole."""
    whole = abs(number) < 1e12 and float(number).is_integer()
    return (f"{number:.0f}" if whole else f"{number:.5g}").replace("-", "−")


def names_of(names: Sequence[Any]) -> tuple[str, ...]:
    """Columns' names as words."""
    return tuple(str(name) for name in names)
