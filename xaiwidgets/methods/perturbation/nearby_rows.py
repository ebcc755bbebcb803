"""Rows drawn around one row of a table, as LIME's linear model sees them (Ribeiro et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from xaiwidgets.core.cells import as_written
from xaiwidgets.core.table_subject import TableSubject
from xaiwidgets.core.target import BoundTarget

from .quarters import Quarters
from .scores_of import scores_of


class NearbyRows:
    """What a linear model over the columns of `x` (1, 1, 1, columns) is fitted to.

    In quarters, every column of a drawn row is one of the data's values, drawn by itself, and the
    model sees whether it lies in the row's own quarter. Else numbers are drawn from a normal
    distribution with the data's mean and standard deviation, and the model sees them in these
    units. Of categories it sees whether they are the row's own.
    """

    def __init__(
        self, subject: TableSubject, x: torch.Tensor, target: BoundTarget, quarters: bool
    ) -> None:
        self.subject, self.x, self.target, self.in_quarters = subject, x, target, quarters
        self.table = subject.table
        self.quarters = Quarters(self.table, subject.read_back(x)[0])

    def draw(self, samples: int, seed: int) -> np.ndarray:
        """Rows (samples, columns); the first is the row itself."""
        lot, data = np.random.default_rng(seed), self.table.rows
        shape = samples, data.shape[1]
        if self.in_quarters:
            rows = data[lot.integers(len(data), size=shape), np.arange(shape[1])]
        else:
            rows = lot.standard_normal(shape) * self.table.spread + self.table.centre("mean")
            for column in self.table.levels:
                rows[:, column] = lot.choice(data[:, column], samples)
        rows[0] = self.quarters.row
        return rows

    def seen(self, rows: np.ndarray) -> torch.Tensor:
        """What the linear model sees of rows, (rows, columns) in double precision."""
        if self.in_quarters:
            return torch.from_numpy(self.quarters.hold(rows).astype(float))
        seen = (rows - self.table.centre("mean")) / self.table.spread
        for column in self.table.levels:
            seen[:, column] = rows[:, column] == self.quarters.row[column]
        return torch.from_numpy(seen)

    def scores(self, rows: torch.Tensor) -> Iterator[torch.Tensor]:
        """What the model says of rows (rows, columns), batch by batch, in double precision."""
        x = self.subject.standing_for(rows.numpy())
        for part in x.split(self.subject.batch_size(self.x, backward=False)):
            yield scores_of(self.subject, part.to(self.x), self.target)

    def paint(self, worth: torch.Tensor) -> torch.Tensor:
        """Each column's number, (1, 1, columns)."""
        return worth.to(self.x)[None, None]

    def name(self, column: int) -> str:
        """What a coefficient is about."""
        if self.in_quarters or column in self.table.levels:
            return self.quarters.said(column)
        spread = as_written(float(self.table.spread[column]))
        return f"{self.table.columns[column]} by {spread}"
