"""Scores: the answer of an evaluation, one number an input, with its curves and its interval."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .answers import Provenance
from .arrays_file import read_arrays, write_arrays
from .figure import figure_type

Better = Literal["higher", "lower", ""]


@dataclass
class Curve:
    """A quantity followed over steps: `x` (points,), and `y` (inputs, points), NaN where there is
    nothing to say."""

    x: np.ndarray
    y: np.ndarray
    x_label: str = ""
    y_label: str = ""

    def band(self, level: float = 0.95, draws: int = 1000) -> tuple[np.ndarray, np.ndarray]:
        """The interval of the mean over inputs at every point, by bootstrap."""
        low, high = bootstrap(self.y, level, draws)
        return low, high


@dataclass
class Scores:
    """How well an explanation did: one number an input.

    `values` is (inputs,), NaN where the evaluation says nothing about an input; `better` tells
    whether "higher" or "lower" is better ("" where neither is); `curves` hold what the numbers were
    made of, by name.
    """

    values: np.ndarray
    provenance: Provenance
    better: Better = ""
    curves: dict[str, Curve] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        """The mean over the inputs that have a value; NaN when none has."""
        return mean_known(self.values)

    def interval(self, level: float = 0.95, draws: int = 2000) -> tuple[float, float]:
        """Where the mean would lie with other inputs, by bootstrap over inputs with a fixed seed;
        (NaN, NaN) with fewer than two."""
        low, high = bootstrap(self.values[:, None], level, draws)
        return float(low[0]), float(high[0])

    @functools.cached_property
    def _summary(self) -> str:
        low, high = self.interval()
        spread = "" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]"
        return f"{self.mean:.3g}{spread}"

    def __repr__(self) -> str:
        made = self.provenance
        which = f", {self.better} is better" if self.better else ""
        return (
            f"Scores({made.method} of {made.settings.get('explanation', '?')}: {self._summary}"
            f"{which}, {len(self)} inputs, {made.seconds:.2f} s)"
        )

    def plot(self, **axes: Any) -> Any:
        """A matplotlib figure: every curve's mean with its band, or the values as points."""
        figure = figure_type()(figsize=(5, 3.2), layout="constrained")
        ax = figure.subplots()
        for name, curve in self.curves.items():
            ax.plot(curve.x, np.nanmean(curve.y, 0), label=name)
            ax.fill_between(curve.x, *curve.band(), alpha=0.2)
            ax.set(xlabel=curve.x_label, ylabel=curve.y_label)
        if self.curves:
            ax.legend(frameon=False)
        else:
            ax.plot(range(len(self)), self.values, "o")
            ax.set(xlabel="input", ylabel=self.provenance.method)
        ax.set(title=f"{self.provenance.method}: {self._summary}", **axes)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write values, curves and provenance to one .npz file; nothing in it can run code."""
        arrays = {"values": self.values}
        for i, curve in enumerate(self.curves.values()):
            arrays[f"x {i}"], arrays[f"y {i}"] = curve.x, curve.y
        about = {
            "provenance": self.provenance.plain(),
            "better": self.better,
            "curves": [[n, c.x_label, c.y_label] for n, c in self.curves.items()],
            "facts": self.facts,
            "warnings": self.warnings,
            "numbers": self.numbers,
        }
        return write_arrays(path, "scores", about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Scores:
        """Read what `save` wrote; refuses any other file."""
        about, arrays = read_arrays(path, "scores")
        curves = {
            name: Curve(arrays[f"x {i}"], arrays[f"y {i}"], across, up)
            for i, (name, across, up) in enumerate(about["curves"])
        }
        made = Provenance.from_plain(about["provenance"])
        rest = (about["better"], curves, about["facts"], about["warnings"], about["numbers"])
        return cls(arrays["values"], made, *rest)


def mean_known(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def bootstrap(y: np.ndarray, level: float, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the mean over rows (inputs, points), point by point, rows drawn with
    replacement; NaN where fewer than two rows have a value."""
    count = len(y)
    generator = np.random.Generator(np.random.PCG64(0))
    rows = generator.integers(0, count, (draws, count)) if count else np.zeros((draws, 0), int)
    known = ~np.isnan(y)
    drawn = np.where(known, y, 0.0)[rows].sum(1) / np.maximum(known[rows].sum(1), 1)
    drawn[known[rows].sum(1) == 0] = np.nan
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        enough = known.sum(0) >= 2
        low, high = np.full(y.shape[1], np.nan), np.full(y.shape[1], np.nan)
        if enough.any():
            low[enough], high[enough] = np.nanquantile(drawn[:, enough], [tail, 1 - tail], axis=0)
    return low, high
