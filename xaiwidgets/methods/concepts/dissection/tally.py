"""Counting where units and concepts meet, from what shards keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .anchors import Axis, Grid, Sides, between
from .annotated import category_of
from .quantiles import from_the_top
from .shard import Active, Shard

_AT_ONCE = 400_000  # pixels interpolated together: what a processor keeps at hand
_COUNTED = 2_000_000  # and counted


class Thresholds(NamedTuple):
    """`values` (units,), and where they could not be found because too little was kept."""

    values: np.ndarray
    lacking: np.ndarray


def thresholds(shards: Iterable[Shard], layer: str, quantile: float) -> np.ndarray:
    """For each unit the number that a share `quantile` of its activations exceeds, exactly: as
    numpy.quantile(activations, 1 - quantile) finds it, halfway values by interpolation. NaN where
    too little was kept. `shards` are gone through several times."""
    summaries = [_Summary.of(shard.layers[layer]) for shard in shards]
    bound = np.max([each.bound for each in summaries], axis=0)
    lowest = np.min([each.lowest for each in summaries], axis=0)
    last = sum(each.cells for each in summaries) - 1

    def stream() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for shard in shards:
            active = shard.layers[layer]
            above = active.values > bound[active.value_unit]
            yield active.value_unit[above], active.values[above]

    place = last * (1 - quantile)
    below = int(place)
    ranks = [last - below, last - min(below + 1, last)]
    # a unit that is mostly 0 has its bound there, and nothing below: what was not kept is the bound
    floor = np.where(bound <= lowest, bound, np.nan).astype(np.float64)
    low, high = (
        np.where(np.isnan(each), floor, each) for each in from_the_top(stream, ranks, len(bound))
    )
    share, step = place - below, high - low
    return low + step * share if share < 0.5 else high - step * (1 - share)  # as NumPy rounds it


class _Summary(NamedTuple):
    bound: np.ndarray
    lowest: np.ndarray
    cells: int

    @classmethod
    def of(cls, active: Active) -> _Summary:
        grid = active.grid
        return cls(active.bound + 0, active.lowest + 0, len(active.peaks) * grid[0] * grid[1])


@dataclass(frozen=True, eq=False)
class Tally:
    """Pixels counted over all pictures: `overlap` (units, concepts) where unit and concept meet,
    `active` (units, concepts) where the unit is active in pictures in which the concept's category
    was annotated, `area` (concepts,) the concept's, `annotated` (concepts,) all of those pictures'.
    """

    overlap: np.ndarray
    active: np.ndarray
    area: np.ndarray
    annotated: np.ndarray

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union (units, concepts)."""
        return self.overlap / np.maximum(self.active + self.area - self.overlap, 1)

    @property
    def bound(self) -> np.ndarray:
        """The largest IoU that areas of these sizes can have (units, concepts)."""
        return np.minimum(self.active, self.area) / np.maximum(
            np.maximum(self.active, self.area), 1
        )


class Counter:
    """Counts masks of units against the concepts of their own pictures (`draw` 0), and against
    those of other pictures: what is left is what chance gives."""

    def __init__(
        self, layer: str, limits: np.ndarray, concepts: list[str], sides: Sides, shuffles: int,
        seed: int,
    ) -> None:  # fmt: skip
        self.layer, self.limits, self.concepts = layer, limits, concepts
        self.categories = list(dict.fromkeys(map(category_of, concepts)))
        self.sides, self.shuffles, self.seed = sides, shuffles, seed
        self._column = [self.categories.index(category_of(name)) for name in concepts]
        self._both = np.zeros(
            (shuffles + 1, len(limits), len(concepts) + len(self.categories)), np.int64
        )
        self._areas = np.zeros(len(concepts) + len(self.categories), np.int64)

    def add(self, shard: Shard, number: int) -> None:
        """Count one shard."""
        from scipy.sparse import csr_array

        labels = shard.labels
        columns = csr_array(labels.columns(self.concepts, self.categories).astype(np.int64))
        total, codes = columns.shape[0], labels.codes.ravel()
        self._areas += columns.T @ np.bincount(codes, minlength=total)
        pairings = _pairings(len(shard.rows), self.shuffles, (self.seed, number))
        size = labels.size[0] * labels.size[1]
        for masks in _many(self.masks(shard)):
            unit = np.repeat(masks.unit * total, masks.pixels)
            for draw, partner in enumerate(pairings):
                place = masks.place + np.repeat(partner[masks.image] * size, masks.pixels)
                counts = np.bincount(unit + codes[place], minlength=len(self.limits) * total)
                self._both[draw] += (columns.T @ counts.reshape(-1, total).T).T

    def masks(self, shard: Shard) -> Iterator[Masks]:
        """Every pixel of every unit's mask."""
        active = shard.layers[self.layer]
        grid = Grid.of(active.grid, shard.labels.size, self.sides, shard.shape)
        limit = self.limits[active.unit][active.gap_map]
        high = np.flatnonzero(active.corners.max(0, initial=-np.inf) > limit)
        row, column = np.divmod(active.gap[high], active.grid[1] + 1)
        tallest, widest = grid.down.count.max(), grid.across.count.max()
        size = max(1, _AT_ONCE // int(tallest * widest))
        for start in range(0, len(high), size):
            some, of = high[start : start + size], slice(start, start + size)
            down = _pixels_of(grid.down, row[of], tallest)
            across = _pixels_of(grid.across, column[of], widest)
            corners = list(active.corners[:, some, None, None].astype(np.float64))
            values = between(
                corners, grid.down.share[down.place][:, :, None],
                grid.across.share[across.place][:, None, :],
            )  # fmt: skip
            inside = values > limit[some][:, None, None]
            inside &= down.inside[:, :, None] & across.inside[:, None, :]
            place = down.place[:, :, None] * grid.width + across.place[:, None, :]
            maps = active.gap_map[some]
            pixels = np.count_nonzero(inside.reshape(len(some), -1), axis=1)
            yield Masks(
                active.unit[maps].astype(np.int64), active.image[maps], pixels, place[inside]
            )

    @property
    def tally(self) -> Tally:
        """What unit and concept share."""
        return self._tally(0)

    @property
    def by_chance(self) -> list[Tally]:
        """What they share with other pictures' concepts, one for each shuffling."""
        return [self._tally(draw) for draw in range(1, self.shuffles + 1)]

    def _tally(self, draw: int) -> Tally:
        count = len(self.concepts)
        overlap, active = np.split(self._both[draw], [count], axis=1)
        area, annotated = self._areas[:count], self._areas[count:]
        return Tally(overlap, active[:, self._column], area, annotated[self._column])


class Masks(NamedTuple):
    """Pieces of units' masks: the unit of each, its picture in the shard and how many pixels it
    has, and the places of all these pixels in their masks, one piece after the other."""

    unit: np.ndarray
    image: np.ndarray
    pixels: np.ndarray
    place: np.ndarray


def _many(parts: Iterator[Masks]) -> Iterator[Masks]:
    """The same in fewer, larger parts: counting has a price for each."""
    waiting: list[Masks] = []
    for part in parts:
        waiting.append(part)
        if sum(len(each.place) for each in waiting) >= _COUNTED:
            yield Masks(*map(np.concatenate, zip(*waiting, strict=True)))
            waiting = []
    if waiting:
        yield Masks(*map(np.concatenate, zip(*waiting, strict=True)))


class _Pixels(NamedTuple):
    """The pixels of some gaps along one side (gaps, widest), and which of them are in the gap."""

    place: np.ndarray
    inside: np.ndarray


def _pixels_of(axis: Axis, gaps: np.ndarray, widest: int) -> _Pixels:
    offset = np.arange(widest)
    inside = offset < axis.count[gaps][:, None]
    place = np.minimum(axis.start[gaps][:, None] + offset, len(axis.share) - 1)
    return _Pixels(place, inside)


def _pairings(pictures: int, shuffles: int, seed: Any) -> list[np.ndarray]:
    """Whose concepts each picture is compared with: first its own, then another's, each time at
    another distance in the order of the shard, which is random."""
    own = np.arange(pictures)
    rng = np.random.default_rng(seed)
    shifts: list[int] = []
    while len(shifts) < shuffles:
        shifts += list(rng.permutation(np.arange(1, max(2, pictures))))
    return [own, *((own + shift) % pictures for shift in shifts[:shuffles])]
