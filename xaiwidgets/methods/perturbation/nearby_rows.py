"""Rows drawn around one row of a table, as LIME's linear model sees them (Ribeiro et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from xaiwidgets.core.cells import as_written
from xaiwidgets.core.table_subject import TableSubject
from xaiwidgets.core.target import BoundTarget

from .quarters import predicates_of


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
        self.subject, self.x, self.target, self.quarters = subject, x, target, quarters
        self.table, self.row = subject.table, subject.read_back(x)[0]
        self.predicates = predicates_of(self.table, self.row)

    def draw(self, samples: int, seed: int) -> np.ndarray:
        """Rows (samples, columns); the first is the row itself."""
        lot, columns = np.random.default_rng(seed), len(self.row)
        data = self.table.rows
        rows = data[lot.integers(len(data), size=(samples, columns)), np.arange(columns)]
        if not self.quarters:
            normal = lot.normal(size=rows.shape) * self.table.spread() + self.table.centre("mean")
            rows = np.where(self.table.categorical, rows, normal)
        rows[0] = self.row
        return rows

    def seen(self, rows: np.ndarray) -> torch.Tensor:
        """What the linear model sees of rows, (rows, columns) in double precision."""
        same = np.stack([each.holds(rows) for each in self.predicates], 1).astype(float)
        if self.quarters:
            return torch.from_numpy(same)
        scaled = (rows - self.table.centre("mean")) / self.table.spread()
        return torch.from_numpy(np.where(self.table.categorical, same, scaled))

    def scores(self, rows: torch.Tensor) -> Iterator[torch.Tensor]:
        """What the model says of rows (rows, columns), batch by batch, in double precision."""
        x = self.subject.standing_for(rows.numpy())
        for part in x.split(self.subject.batch_size(self.x, backward=False)):
            own = torch.zeros(len(part), dtype=torch.long)
            yield self.subject.scores(part.to(self.x), self.target, own).double().cpu()

    def paint(self, worth: torch.Tensor) -> torch.Tensor:
        """Each column's number, (1, 1, columns)."""
        return worth.to(self.x)[None, None]

    def name(self, column: int) -> str:
        """What a coefficient is about."""
        if self.quarters or column in self.table.levels:
            return str(self.predicates[column])
        spread = as_written(float(self.table.spread()[column]))
        return f"{self.table.columns[column]} by {spread}"
