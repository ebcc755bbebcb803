"""Counting where units and concepts meet, from what shards keep."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .active import Active
from .anchors import Grid, Sides
from .annotated import Labels, category_of
from .blocks import Blocks
from .pieces import LabelPieces, UnitPieces, met
from .quantiles import from_the_top
from .shard import Shard

_AT_ONCE = 2_000_000  # cells that are looked through together
_LAID = 1 << 18  # pieces that are laid on labels together


def thresholds(shards: Iterable[Shard], layer: str, quantile: float) -> np.ndarray:
    """For each unit the number that a share `quantile` of its activations exceeds, exactly: as
    numpy.quantile(activations, 1 - quantile) finds it, halfway values by interpolation. NaN where
    too little was kept. `shards` are gone through several times."""
    summaries = [_Summary.of(shard.layers[layer]) for shard in shards]
    bound = np.max([each.bound for each in summaries], axis=0)
    lowest = np.min([each.lowest for each in summaries], axis=0)
    highest = np.max([each.highest for each in summaries], axis=0)
    last = sum(each.cells for each in summaries) - 1

    def stream() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (shard.layers[layer].above_bound() for shard in shards)

    count = sum(each.high for each in summaries)
    place = last * (1 - quantile)
    below = int(place)
    ranks = [last - below, last - min(below + 1, last)]
    # a unit that is mostly 0 has its bound there, and nothing below: what was not kept is the bound
    floor = np.where(bound <= lowest, bound, np.nan).astype(np.float64)
    low, high = (
        np.where(np.isnan(each), floor, each)
        for each in from_the_top(stream, count, ranks, bound, highest)
    )
    share, step = place - below, high - low
    return low + step * share if share < 0.5 else high - step * (1 - share)  # as NumPy rounds it


class _Summary(NamedTuple):
    bound: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    cells: int
    high: int

    @classmethod
    def of(cls, active: Active) -> _Summary:
        highest = active.peaks.max(0)
        return cls(active.bound + 0, active.lowest + 0, highest, active.cells, len(active.high))


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
        width = len(concepts) + len(self.categories)
        self._both = np.zeros((shuffles + 1, len(limits), width))
        self._areas = np.zeros(width)

    def add(self, shard: Shard, number: int) -> None:
        """Count one shard."""
        labels, active = shard.labels, shard.layers[self.layer]
        blocks = _blocks(active.grid, labels.size, self.sides, shard.shape)
        concepts = _Concepts.of(labels, self.concepts, self.categories, blocks)
        pairings = _pairings(len(shard.rows), self.shuffles, (self.seed, number))
        self._areas += concepts.areas
        each = active.grid[0] * active.grid[1] * len(self.limits)
        for start, some in active.some(max(1, _AT_ONCE // each)):
            pieces = UnitPieces.of(some, concepts.blocks, self.limits)
            own = pairings[:, start : start + len(some.peaks)]
            step = max(1, _LAID // max(1, len(pieces.word)))
            for draw in range(0, len(own), step):
                draws = slice(draw, draw + step)
                self._both[draws] += concepts.shared(pieces, own[draws])

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


class _Concepts(NamedTuple):
    """The concepts of some pictures, as they are counted: a column for each concept and category.

    Many pixels of a picture have the same concepts, its usual ones. What units share with it is
    what they would if all pixels had them (`usual`: pictures, columns), and in the `pieces` that
    have others what these have more or less (`other`: kinds of pieces, columns; `kind`: pieces).
    `areas` (columns,) are the pixels of each.
    """

    areas: np.ndarray
    usual: np.ndarray
    other: np.ndarray
    kind: np.ndarray
    pieces: LabelPieces
    blocks: Blocks

    @property
    def seen(self) -> np.ndarray:
        """The columns that are usual in some picture."""
        return np.flatnonzero(self.usual.any(0))

    @classmethod
    def of(
        cls, labels: Labels, concepts: list[str], categories: list[str], blocks: Blocks
    ) -> _Concepts:
        pictures, common = np.arange(len(labels.codes)), labels.usual
        pieces = LabelPieces.of(labels, blocks, common)
        there = np.zeros(len(labels.sets), bool)
        there[pieces.row] = True
        rows, kind = np.flatnonzero(there), np.cumsum(there)[pieces.row] - 1
        owner = np.searchsorted(labels.first, rows, side="right") - 1
        areas, usual, held = (
            labels.columns(concepts, categories, of, values)
            for of, values in (
                (pictures, labels.areas),
                (pictures, labels.sets[labels.first + common]),
                (owner, labels.sets[rows]),
            )
        )
        areas[:, len(concepts) :] *= labels.size[0] * labels.size[1]
        return cls(areas.sum(0), usual, held - usual[owner], kind, pieces, blocks)

    def shared(self, units: UnitPieces, partners: np.ndarray) -> np.ndarray:
        """The pixels that masks share (draws, units, columns) when each picture's units are laid on
        the concepts of its partner (draws, pictures)."""
        from scipy.sparse import csr_array

        draws, count = len(partners), len(units.areas)
        found = met(units, self.pieces, partners[:, units.picture] * len(self.blocks) + units.block)
        kinds = (found.pixels.astype(np.float64), self.kind[found.label], found.first)
        there = csr_array(kinds, shape=(draws * count, len(self.other))) @ self.other
        both: np.ndarray = there.reshape(draws, count, -1)
        both[:, :, self.seen] += units.areas @ self.usual[:, self.seen][partners]
        return both


@functools.lru_cache(maxsize=64)
def _blocks(
    cells: tuple[int, ...], size: tuple[int, int], sides: Sides, shape: tuple[int, int]
) -> Blocks:
    return Blocks.of(Grid.of(cells, size, sides, shape))


def _pairings(pictures: int, shuffles: int, seed: Any) -> np.ndarray:
    """Whose concepts each picture is compared with (1 + shuffles, pictures): first its own, then
    another's, each time at another distance in the order of the shard, which is random."""
    rng = np.random.default_rng(seed)
    shifts = [0]
    while len(shifts) <= shuffles:
        shifts += list(rng.permutation(np.arange(1, max(2, pictures))))
    return (np.arange(pictures) + np.array(shifts[: shuffles + 1])[:, None]) % pictures
