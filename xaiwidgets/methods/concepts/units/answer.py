"""What a survey of units answers: what each one sees, how often it speaks, and which are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xaiwidgets.core.answers import Provenance
from xaiwidgets.core.arrays_file import read_arrays, write_arrays
from xaiwidgets.core.errors import ExplainError, nearest

from ..numbered import unit_of
from .histogram import BINS, edges, quantile
from .likeness import correlation, order, places
from .reach import Box, Reach

_ARRAYS = ("values", "numbers", "maps", "rows", "columns", "counts", "exponents", "active",
           "mean", "covariance")  # fmt: skip


@dataclass(eq=False, repr=False)
class LayerUnits:
    """The units of one layer.

    `values`, `numbers` (units, top): each unit's largest activations, one an input, and the inputs
    they belong to; `maps` (units, top, height, width) the unit's activations there. `rows`
    (height, 2) and `columns` (width, 2): the pixels that each row and column of the map sees.
    `counts` (units, bins) and `exponents` (units,) are the histograms, `active` (units,) the share
    of positions above 0, `mean` (units,) and `covariance` (units, units) over all positions.
    """

    layer: str
    kind: str
    values: np.ndarray
    numbers: np.ndarray
    maps: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    exponents: np.ndarray
    active: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        height, width = self.maps.shape[2:]
        return f"LayerUnits({self.layer}: {len(self)} units, {height}×{width} cells)"

    @property
    def silent(self) -> np.ndarray:
        """Which units are the same everywhere on all the data (units,)."""
        return np.isnan(np.diag(self.correlation))

    @property
    def correlation(self) -> np.ndarray:
        """Of the activations of every two units (units, units), NaN for silent ones."""
        return correlation(self.covariance)

    def peak(self, unit: int, rank: int = 0) -> tuple[int, int]:
        """The cell (row, column) of a unit's largest activation in one of its top inputs."""
        cell = int(self.maps[unit, rank].argmax())
        row, column = divmod(cell, self.maps.shape[3])
        return row, column

    def field(self, unit: int, rank: int = 0) -> Box:
        """What the peak cell sees: top, left, bottom, right in pixels of the prepared input."""
        return Reach(self.rows, self.columns).box(*self.peak(unit, rank))

    def histogram(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """How often a unit's activation lies where: counts (bins,), and borders (bins + 1,) from
        the lowest bin that holds any to the highest."""
        held = np.flatnonzero(self.counts[unit])
        first, last = (held[0], held[-1]) if len(held) else (BINS, BINS)
        borders = edges(int(self.exponents[unit]))
        return self.counts[unit, first : last + 1], borders[first : last + 2]

    def level(self, unit: int, share: float = 0.005) -> float:
        """The activation that at most this share of all positions exceeds, to a bin's width."""
        return quantile(self.counts[unit], int(self.exponents[unit]), share)

    def neighbours(self, unit: int, count: int = 8) -> list[tuple[int, float]]:
        """The units most like one, with their correlation."""
        like = self.correlation[unit].copy()
        like[unit] = np.nan
        best = np.argsort(-np.where(np.isnan(like), -np.inf, like), kind="stable")[:count]
        return [(int(other), float(like[other])) for other in best if not np.isnan(like[other])]

    def places(self) -> np.ndarray:
        """Units as points of a plane (units, 2), like near like; NaN for silent ones."""
        return places(self.correlation)

    def order(self) -> np.ndarray:
        """The units in an order that puts like beside like."""
        return order(self.correlation)


@dataclass(eq=False)
class UnitViews:
    """The units of some layers: `w["conv4"]` are those of one layer.

    `pictures` (pictures, height, width, 3) are all inputs that are among some unit's top, made
    small; `numbers` tell which inputs of the data they are, `size` how large the inputs were.
    """

    layers: dict[str, LayerUnits]
    pictures: np.ndarray
    numbers: np.ndarray
    size: tuple[int, int]
    count: int
    provenance: Provenance
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        made = self.provenance
        each = ", ".join(f"{len(units)} of {name}" for name, units in self.layers.items())
        return (
            f"UnitViews({made.subject}: {each}; {self.count} inputs, {made.seconds:.2f} s, "
            f"{made.forwards} forward passes)"
        )

    def __getitem__(self, layer: str) -> LayerUnits:
        if layer not in self.layers:
            raise ExplainError(f"{layer!r} was not asked about. {nearest(layer, self.layers)}")
        return self.layers[layer]

    def unit(self, unit: int, layer: str | None = None) -> tuple[LayerUnits, int]:
        """A layer (the first unless one is named) and a unit of it that exists."""
        found = self[layer or next(iter(self.layers))]
        return found, unit_of(unit, found.layer, len(found))

    def picture(self, number: int) -> np.ndarray:
        """An input of the data by its number, small (height, width, 3)."""
        found = np.flatnonzero(self.numbers == number)
        if not len(found):
            raise ExplainError(f"Input {number} is not among any unit's top inputs, and not kept.")
        picture: np.ndarray = self.pictures[found[0]]
        return picture

    def patches(self, unit: int, layer: str | None = None) -> list[np.ndarray]:
        """What the unit saw where it answered most strongly: its top pictures cut out along the
        receptive field of the peak cell, each (height, width, 3)."""
        units, unit = self.unit(unit, layer)
        return [
            self._cut(self.picture(int(number)), units.field(unit, rank))
            for rank, number in enumerate(units.numbers[unit])
            if number >= 0
        ]

    def _cut(self, picture: np.ndarray, box: Box) -> np.ndarray:
        tall, wide = (kept / whole for kept, whole in zip(picture.shape, self.size, strict=False))
        top, left, bottom, right = box
        rows = slice(int(top * tall), max(int(top * tall) + 1, round(bottom * tall)))
        return picture[rows, int(left * wide) : max(int(left * wide) + 1, round(right * wide))]

    def plot(
        self, layer: str | None = None, units: Sequence[int] | None = None, show: str = "pictures"
    ) -> Any:
        """A matplotlib figure of a layer (the first unless one is named).

        `show` is "pictures" (a row a unit: its top pictures with the receptive field and where the
        unit is above its level), "patches", "histograms", or "similarity" (all units as a map, like
        near like, and as a matrix). `units` default to the six most often active.
        """
        from .figures import units_figure

        return units_figure(self, self[layer or next(iter(self.layers))], units, show)

    def save(self, path: str | Path) -> Path:
        """Write everything to one .npz file; nothing in it can run code."""
        arrays = {"pictures": self.pictures, "numbers": self.numbers}
        for i, each in enumerate(self.layers.values()):
            arrays.update({f"{name} {i}": getattr(each, name) for name in _ARRAYS})
        about = {
            "provenance": self.provenance.plain(), "size": list(self.size),
            "count": self.count, "facts": self.facts, "warnings": self.warnings,
            "layers": [[each.layer, each.kind] for each in self.layers.values()],
        }  # fmt: skip
        return write_arrays(path, "units", about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> UnitViews:
        """Read what `save` wrote; refuses any other file."""
        about, arrays = read_arrays(path, "units")
        layers = {
            layer: LayerUnits(layer, kind, *(arrays[f"{name} {i}"] for name in _ARRAYS))
            for i, (layer, kind) in enumerate(about["layers"])
        }
        height, width = about["size"]
        return cls(
            layers, arrays["pictures"], arrays["numbers"], (height, width), about["count"],
            Provenance.from_plain(about["provenance"]), about["facts"], about["warnings"],
        )  # fmt: skip
