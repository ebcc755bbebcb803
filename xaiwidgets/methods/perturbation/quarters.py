"""Columns of a table in quarters: where a value lies among those of the data."""

from __future__ import annotations

import numpy as np

from xaiwidgets.core.cells import as_written
from xaiwidgets.core.table import Table

_HALF = 0.5  # categories are counted: nothing but the own one lies within half of it


class Quarters:
    """What is true of each column of a `row` (columns,): it lies in its quarter of the data,
    low < value ≤ high, or holds its category."""

    def __init__(self, table: Table, row: np.ndarray) -> None:
        self.table, self.row = table, row
        edges = table.quartiles
        self.low = np.where(edges < row, edges, -np.inf).max(0)
        self.high = np.where(edges >= row, edges, np.inf).min(0)
        own = table.categorical
        self.low[own], self.high[own] = row[own] - _HALF, row[own] + _HALF

    def __len__(self) -> int:
        return len(self.row)

    def hold(self, rows: np.ndarray) -> np.ndarray:
        """Of which columns of rows it is true as well, (rows, columns) as bool."""
        return (rows > self.low) & (rows <= self.high)

    def said(self, column: int) -> str:
        """It in words."""
        name, low, high = self.table.columns[column], self.low[column], self.high[column]
        if column in self.table.levels:
            return f"{name} = {self.table.words[column][int(self.row[column])]}"
        left = f"{as_written(low)} < " if np.isfinite(low) else ""
        right = f" ≤ {as_written(high)}" if np.isfinite(high) else ""
        return f"{left}{name}{right}"
