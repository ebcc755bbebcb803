"""Columns of a table in quarters: where a value lies among those of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaiwidgets.core.cells import as_written
from xaiwidgets.core.table import Table

BINS = 4


@dataclass(frozen=True)
class Predicate:
    """A column lies in an interval low < value ≤ high, or holds a category; `said` is how."""

    column: int
    said: str
    low: float = -np.inf
    high: float = np.inf
    category: float | None = None

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """For which rows (rows, columns) it is true, (rows,)."""
        cells = rows[:, self.column]
        if self.category is not None:
            return cells == self.category
        return (cells > self.low) & (cells <= self.high)

    def __str__(self) -> str:
        return self.said


def predicates_of(table: Table, row: np.ndarray) -> list[Predicate]:
    """What is true of each column of a row (columns,): its quarter of the data, or its category."""
    words = table.written(row)
    return [
        Predicate(i, f"{name} = {words[i]}", category=float(value))
        if i in table.levels
        else _quarter(table.rows[:, i], i, name, float(value))
        for i, (name, value) in enumerate(zip(table.columns, row, strict=True))
    ]


def _quarter(data: np.ndarray, column: int, name: str, value: float) -> Predicate:
    edges = np.unique(np.quantile(data, np.arange(1, BINS) / BINS))
    below, above = edges[edges < value], edges[edges >= value]
    low = float(below[-1]) if len(below) else -np.inf
    high = float(above[0]) if len(above) else np.inf
    left = f"{as_written(low)} < " if np.isfinite(low) else ""
    right = f" ≤ {as_written(high)}" if np.isfinite(high) else ""
    return Predicate(column, f"{left}{name}{right}", low, high)
