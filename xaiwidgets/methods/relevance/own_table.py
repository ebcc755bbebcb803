"""A table of somebody's own: which of its rows were used, and which were not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from xaiwidgets.core.errors import ExplainError, nearest

from .presets import WORDS, Table, fits
from .propagation import Place
from .rules import Epsilon


@dataclass(frozen=True)
class NotedTable(Table):
    """A table of one's own, which notes the layers that each of its rows gave a rule: a row that
    gave none is told, so that nobody takes it for used."""

    given: dict[int | None, set[int]] = field(default_factory=lambda: defaultdict(set))
    behind: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def row(self, place: Place) -> int | None:
        """Which row gives one layer its rule, noted down."""
        row = super().row(place)
        self.given[row].add(place.number)
        self.names.add(place.name)
        later = range(len(self.rows) if row is None else row + 1, len(self.rows))
        self.behind.update(each for each in later if fits(self.rows[each][0], place))
        return row

    def refuse_names_not_among(self, names: Collection[str]) -> None:
        """Refuse a row whose pattern is no word and no name of a module."""
        for pattern, _ in self.rows:
            if not (pattern in WORDS or pattern in names or set("*?[") & set(pattern)):
                raise ExplainError(
                    f"A row of the table is for {pattern!r}, and the network has no such layer; a "
                    f"row takes {', '.join(map(repr, WORDS))}, a layer's name or a name with "
                    f"wildcards. {nearest(pattern, [*WORDS, *names])}"
                )

    def fact(self) -> str:
        """How many layers each row gave its rule."""
        counts = [
            f"{pattern!r} {len(self.given.get(row, ()))}"
            for row, (pattern, _) in enumerate(self.rows)
        ]
        rest = len(self.given.get(None, ()))
        counts += [f"no row {rest} ({Epsilon()})"] if rest else []
        return f"Layers by row of the table: {', '.join(counts)}."

    def warnings(self) -> list[str]:
        """A sentence for every row that gave no layer its rule."""
        return [
            f"The row {pattern!r} of the table was not used: {self._why_not(row, pattern)}"
            for row, (pattern, _) in enumerate(self.rows)
            if row not in self.given
        ]

    def _why_not(self, row: int, pattern: str) -> str:
        if row in self.behind:
            return "rows above it fit all its layers, and the first row that fits gives the rule."
        if any(name.startswith(f"{pattern}.") for name in self.names):
            return f"it fits no layer itself; {pattern + '.*'!r} fits those within it."
        return "no layer that shares relevance by a rule fits it."
