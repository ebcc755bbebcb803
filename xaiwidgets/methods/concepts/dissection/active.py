"""What is kept of a layer's maps: the cells that may count, and those around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

_SAMPLE = 8192  # cells of a unit from which its bound is taken


@dataclass(frozen=True, eq=False)
class Active:
    """One layer over some pictures: every activation above `bound`, and those in the cells around.

    `bound` and `lowest` are (units,), `peaks` and `means` (pictures, units). `values` are the
    activations that were kept, in the order of their places, and `cell` these places in (pictures,
    height, width, units).
    """

    grid: tuple[int, int]
    bound: np.ndarray
    lowest: np.ndarray
    peaks: np.ndarray
    means: np.ndarray
    values: np.ndarray
    cell: np.ndarray

    @classmethod
    def of(cls, maps: torch.Tensor, bound: torch.Tensor) -> Active:
        """What exceeds the bound (units,) in a layer's maps (pictures, height, width, units)."""
        height, width, units = maps.shape[1:]
        kept = _with_cells_around((maps > bound).flatten(), units, width * units)
        cell = np.flatnonzero(kept.cpu().numpy())
        values = maps.flatten()[torch.from_numpy(cell).to(maps.device)]
        return cls(
            (height, width), bound.cpu().numpy(), maps.amin((0, 1, 2)).cpu().numpy(),
            maps.amax((1, 2)).cpu().numpy(), maps.mean((1, 2)).cpu().numpy(),
            values.cpu().numpy(), _small(cell),
        )  # fmt: skip

    @classmethod
    def together(cls, parts: list[Active]) -> Active:
        """The same of all pictures, from that of some after others."""
        first = np.cumsum([0, *(part.cells * len(part.bound) for part in parts)])
        cells = [part.cell + at for part, at in zip(parts, first, strict=False)]
        return cls(
            parts[0].grid, parts[0].bound, np.min([part.lowest for part in parts], axis=0),
            np.concatenate([part.peaks for part in parts]),
            np.concatenate([part.means for part in parts]),
            np.concatenate([part.values for part in parts]), _small(np.concatenate(cells)),
        )  # fmt: skip

    @property
    def cells(self) -> int:
        """How many cells a unit has in all pictures."""
        return len(self.peaks) * self.grid[0] * self.grid[1]

    def above(self, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cells that exceed their unit's limit (units,), as numbers of what was kept, and
        their units."""
        unit = self.cell - self.cell // len(self.bound) * len(self.bound)  # quicker than %
        high = np.flatnonzero(self.values > limits[unit])
        return high, unit[high]

    def some(self, count: int) -> Iterator[tuple[int, Active]]:
        """So many pictures at a time, each with the number of the first of them."""
        each = self.grid[0] * self.grid[1] * len(self.bound)
        starts = range(0, len(self.peaks), count)
        cuts = np.searchsorted(self.cell, [start * each for start in (*starts, len(self.peaks))])
        for start, low, high in zip(starts, cuts, cuts[1:], strict=False):
            rows = slice(start, start + count)
            yield start, replace(
                self, peaks=self.peaks[rows], means=self.means[rows],
                values=self.values[low:high], cell=self.cell[low:high] - start * each,
            )  # fmt: skip


def bound_of(maps: list[torch.Tensor], share: float, seed: int) -> torch.Tensor:
    """What about a share of each unit's activations exceeds (units,), from maps (pictures, height,
    width, units); of many cells from some that are drawn by lot."""
    values = torch.cat([each.flatten(0, 2) for each in maps])
    if share >= 1:
        return torch.full_like(values[0], -torch.inf)
    if len(values) > _SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(values), _SAMPLE, replace=False)
        values = values[torch.from_numpy(chosen).to(values.device)]
    rank = len(values) - 1 - min(int(share * len(values)), len(values) - 1)
    sorted_there = np.partition(values.T.contiguous().cpu().numpy(), rank, axis=1)
    return torch.from_numpy(sorted_there[:, rank].copy()).to(values.device)


def _with_cells_around(above: torch.Tensor, across: int, down: int) -> torch.Tensor:
    """Cells that are above or beside, as a flat array in which the neighbours lie that far apart.
    At the ends of rows it takes some that are no neighbours, which does not matter."""
    for step in (across, down):
        wide = above.clone()
        wide[step:] |= above[:-step]
        wide[:-step] |= above[step:]
        above = wide
    return above


def _small(numbers: np.ndarray) -> np.ndarray:
    """Numbers that rise, in 32 bits where they fit."""
    fits = not len(numbers) or numbers[-1] <= np.iinfo(np.int32).max
    return numbers.astype(np.int32) if fits else numbers
