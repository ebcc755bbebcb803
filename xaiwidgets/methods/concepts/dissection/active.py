"""What is kept of a layer's maps: the cells that may count, and those around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

_DRAWN = 128  # cells above a unit's bound among those from which it is taken


@dataclass(frozen=True, eq=False)
class Active:
    """One layer over some pictures: every activation above `bound`, and those in the cells around.

    `bound` and `lowest` are (units,), `peaks` and `means` (pictures, units). `values` are the
    activations that were kept, in the order of their places, and `cell` these places in (pictures,
    height, width, units). `high` are the numbers of those above the bound among what was kept.
    """

    grid: tuple[int, int]
    bound: np.ndarray
    lowest: np.ndarray
    peaks: np.ndarray
    means: np.ndarray
    values: np.ndarray
    cell: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, maps: torch.Tensor, bound: torch.Tensor) -> Active:
        """What exceeds the bound (units,) in a layer's maps (pictures, height, width, units)."""
        height, width, units = maps.shape[1:]
        above, kind = (maps > bound).flatten(), _kind(maps.numel())
        cell = np.flatnonzero(_with_cells_around(above, units, width * units).cpu().numpy())
        return cls(
            (height, width), bound.cpu().numpy(), maps.amin((0, 1, 2)).cpu().numpy(),
            maps.amax((1, 2)).cpu().numpy(), maps.mean((1, 2)).cpu().numpy(),
            _taken(maps.flatten(), cell), cell.astype(kind),
            np.flatnonzero(_taken(above, cell)).astype(kind),
        )  # fmt: skip

    @classmethod
    def together(cls, parts: list[Active]) -> Active:
        """The same of all pictures, from that of some after others."""
        return cls(
            parts[0].grid, parts[0].bound, np.min([part.lowest for part in parts], axis=0),
            np.concatenate([part.peaks for part in parts]),
            np.concatenate([part.means for part in parts]),
            np.concatenate([part.values for part in parts]),
            _numbered([part.cell for part in parts], [p.cells * len(p.bound) for p in parts]),
            _numbered([part.high for part in parts], [len(part.cell) for part in parts]),
        )  # fmt: skip

    @property
    def cells(self) -> int:
        """How many cells a unit has in all pictures."""
        return len(self.peaks) * self.grid[0] * self.grid[1]

    def above_bound(self) -> tuple[np.ndarray, np.ndarray]:
        """The units and the values of all activations above the bound."""
        cell = self.cell[self.high]
        unit = cell - cell // len(self.bound) * len(self.bound)
        return unit.astype(np.int64), self.values[self.high]

    def above(self, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places of the cells that exceed their unit's limit (units,), none of which is below
        the bound, and their units."""
        unit, value = self.above_bound()
        some = np.flatnonzero(value > limits[unit])
        return self.cell[self.high[some]], unit[some]

    def some(self, count: int) -> Iterator[tuple[int, Active]]:
        """So many pictures at a time, each with the number of the first of them."""
        each = self.grid[0] * self.grid[1] * len(self.bound)
        starts = range(0, len(self.peaks), count)
        ends = [*(start * each for start in starts), len(self.peaks) * each]
        cuts = _places(ends, self.cell)
        highs = _places(cuts, self.high)
        for i, start in enumerate(starts):
            rows, own = slice(start, start + count), slice(cuts[i], cuts[i + 1])
            yield start, replace(
                self, peaks=self.peaks[rows], means=self.means[rows], values=self.values[own],
                cell=self.cell[own] - start * each,
                high=self.high[highs[i] : highs[i + 1]] - cuts[i],
            )  # fmt: skip


def bound_of(maps: list[torch.Tensor], share: float, seed: int) -> torch.Tensor:
    """What about a share of each unit's activations exceeds (units,), from maps (pictures, height,
    width, units); of many cells from some that are drawn by lot."""
    parts = [each.flatten(0, 2) for each in maps]
    if share >= 1:
        return torch.full_like(parts[0][0], -torch.inf)
    ends, count = np.cumsum([len(part) for part in parts]), int(_DRAWN / share)
    if ends[-1] > count:
        chosen = np.sort(np.random.default_rng(seed).choice(ends[-1], count, replace=False))
        rows = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
        starts = [0, *ends[:-1]]
        parts = [
            part[torch.from_numpy(own - start).to(part.device)]
            for part, own, start in zip(parts, rows, starts, strict=True)
        ]
    values = torch.cat(parts)
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


def _taken(values: torch.Tensor, places: np.ndarray) -> np.ndarray:
    """Some of many values; those on another device are chosen there."""
    if values.device.type != "cpu":
        values = values[torch.from_numpy(places).to(values.device)]
        return np.asarray(values.cpu())
    return np.take(values.numpy(), places)  # a third of the time that indexing takes


def _numbered(parts: list[np.ndarray], counts: list[int]) -> np.ndarray:
    """Numbers within parts of so many as numbers within all of them."""
    first = np.cumsum([0, *counts])
    kind = _kind(int(first[-1]))
    return np.concatenate(
        [part.astype(kind) + kind(at) for part, at in zip(parts, first, strict=False)]
    )


def _places(numbers: list[int], rising: np.ndarray) -> list[int]:
    """Where numbers would stand among others that rise."""
    found: list[int] = np.searchsorted(rising, np.array(numbers, rising.dtype)).tolist()
    return found


def _kind(count: int) -> type[np.signedinteger[Any]]:
    """What numbers below `count` are kept as."""
    return np.int32 if count <= np.iinfo(np.int32).max else np.int64
