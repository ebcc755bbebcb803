"""From what was kept to what each unit is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .anchors import Sides
from .dissected_layer import TOP, DissectedLayer
from .rotation import turned_name
from .shards import Shards
from .tally import Counter, thresholds

Limits = dict[str, np.ndarray]


class Counted(NamedTuple):
    """The concepts that occur, which share of the pixels annotated for their category each covers,
    and every layer and rotation with its units."""

    concepts: list[str]
    shares: np.ndarray
    units: list[DissectedLayer]


@dataclass(frozen=True, eq=False)
class Counting:
    """Everything that was kept of `layers`, each with the anchors of its cells, which are
    `anchored` in words, and how often they were rotated; `order` are concepts in the order in which
    the data set names them."""

    shards: Shards
    layers: dict[str, Sides]
    anchored: str
    rotations: int
    order: Sequence[str]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the masks."""
        return next(iter(self.shards)).labels.size

    def limits(self, quantile: float) -> Limits:
        """The thresholds (units,) of every layer and rotation, NaN where too little was kept."""
        names = (turned_name(n, i) for n in self.layers for i in range(self.rotations + 1))
        return {name: thresholds(self.shards, name, quantile) for name in names}

    def counted(self, limits: Limits, shuffles: int, seed: int) -> Counted:
        """Every unit against every concept that occurs."""
        concepts = self._concepts()
        counters = {
            turned_name(name, number): Counter(
                turned_name(name, number), limits[turned_name(name, number)], concepts, sides,
                0 if number else shuffles, seed,
            )
            for name, sides in self.layers.items() for number in range(self.rotations + 1)
        }  # fmt: skip
        tops, grids = {name: Top(TOP) for name in self.layers}, {}
        for number, shard in enumerate(self.shards):
            for counter in counters.values():
                counter.add(shard, number)
            for name, top in tops.items():
                top.add(shard.rows, shard.layers[name].peaks)
                grids[name] = shard.layers[name].grid
        found = [
            DissectedLayer.of(name, number, counters[turned_name(name, number)], grids[name])
            for name in self.layers
            for number in range(self.rotations + 1)
        ]
        for units in found:
            units.top, units.peaks = tops[units.layer].rows, tops[units.layer].values
        areas = next(iter(counters.values())).tally
        return Counted(concepts, areas.area / np.maximum(areas.annotated, 1), found)

    def _concepts(self) -> list[str]:
        found = {name for shard in self.shards for name in shard.labels.concepts}
        named = [name for name in self.order if name in found]
        return [*named, *sorted(found - set(named))]


class Top:
    """For each unit the pictures with its largest values, the first one first: so many."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows = np.zeros((0, 0), np.int64)
        self.values = np.zeros((0, 0), np.float32)

    def add(self, rows: np.ndarray, values: np.ndarray) -> None:
        """More pictures, by their numbers, and their values (pictures, units)."""
        new = np.broadcast_to(rows, values.T.shape)
        old = new[:, :0] if not self.rows.size else self.rows
        both = np.concatenate([old, new], 1)
        held = np.concatenate([self.values.reshape(len(both), -1), values.T], 1)
        order = np.lexsort((both, -held), axis=1)[:, : self.count]
        self.rows = np.take_along_axis(both, order, 1)
        self.values = np.take_along_axis(held, order, 1)


def lacking(limits: Limits) -> int:
    """How many units have no threshold yet."""
    return sum(int(np.isnan(values).sum()) for values in limits.values())
