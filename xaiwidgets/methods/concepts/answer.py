"""What TCAV answers: a score for every concept at every layer, with what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.answers import Provenance
from xaiwidgets.core.errors import ExplainError, nearest

from .space import Direction
from .store import Activations, Store
from .vector import ConceptVector

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ConceptScore:
    """One concept at one layer.

    `score` is the share of inputs whose score rises along the CAV, the mean over negative sets with
    its 95 % interval `low` to `high`; `magnitude` the mean derivative along the mean CAV.
    `random_low` to `random_high` is where one more random set would lie, in what was tested, and
    `p` how seldom one would lie as far out; `published_p` is the paper's t-test. `significant` is
    corrected for the number of concepts and layers. `refusal` says why there is no score.
    """

    concept: str
    layer: str
    score: float
    low: float
    high: float
    magnitude: float
    random_low: float
    random_high: float
    accuracy: float
    agreement: float
    p: float
    published_p: float
    significant: bool
    refusal: str
    direction: Direction = field(repr=False)


_HIDDEN = ("score", "low", "high", "magnitude", "random_low", "random_high", "p", "published_p")


@dataclass(eq=False)
class ConceptScores:
    """Concepts × layers: `table()`, `plot()`, each input's derivatives, and the concepts' vectors.

    `facts` say what was measured, `warnings` where not to trust it.
    """

    entries: list[ConceptScore]
    provenance: Provenance
    facts: list[str]
    warnings: list[str]
    _store: Store = field(repr=False)
    _sets: list[Activations] = field(repr=False)
    _shape: tuple[int, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        made = self.provenance
        found = [f"{e.concept} at {e.layer}" for e in self.entries if e.significant]
        which = ", ".join(found) or "none"
        return (
            f"ConceptScores(of {', '.join(dict.fromkeys(made.target))}: {len(self)} scores, "
            f"significant: {which}; {made.seconds:.2f} s, {made.forwards} forward and "
            f"{made.backwards} backward passes)"
        )

    def table(self) -> pd.DataFrame:
        """One row a concept and layer; no score where it was refused, and why."""
        import pandas as pd

        rows = []
        for entry in self.entries:
            row = {key: value for key, value in vars(entry).items() if key != "direction"}
            if entry.refusal:
                row.update(dict.fromkeys(_HIDDEN, float("nan")))
            rows.append(row)
        return pd.DataFrame(rows)

    def entry(self, concept: str, layer: str | None = None) -> ConceptScore:
        """The entry of a concept, at the first layer unless one is named."""
        layer = self.entries[0].layer if layer is None else layer
        for found in self.entries:
            if (found.concept, found.layer) == (concept, layer):
                return found
        if layer not in (names := [e.layer for e in self.entries]):
            raise ExplainError(f"{layer!r} was not asked about. {nearest(layer, names)}")
        names = list(dict.fromkeys(e.concept for e in self.entries))
        raise ExplainError(f"No concept is called {concept!r}. {nearest(concept, names)}")

    def sensitivities(self, concept: str, layer: str | None = None) -> np.ndarray:
        """Each input's derivative along the concept's mean CAV (inputs,), signed."""
        return self.entry(concept, layer).direction.sensitivities

    def vector(self, concept: str, layer: str | None = None) -> ConceptVector:
        """The concept's direction in a layer, put together from its examples when asked for: to
        sort pictures by it, and to see where in a picture it lies."""
        entry = self.entry(concept, layer)
        bounds = np.cumsum([each.count for each in self._sets])[:-1]
        parts = np.split(entry.direction.weights, bounds)
        values = sum(
            (w @ each.columns(entry.layer, 0, each.width(entry.layer)) if w.any() else 0.0)
            for w, each in zip(parts, self._sets, strict=True)
        )
        return ConceptVector(
            concept, entry.layer, self._store.pooling, np.asarray(values), entry.direction.border,
            self._shape, self._store.subject, self._store.network,
        )  # fmt: skip

    def plot(self) -> Any:
        """A matplotlib figure: what was tested, a row a concept and a panel a layer, over the range
        in which random sets lie. Full dots are significant, what was refused has no dot."""
        from matplotlib.figure import Figure

        layers = list(dict.fromkeys(entry.layer for entry in self.entries))
        names = list(dict.fromkeys(entry.concept for entry in self.entries))
        size = (2 + 3.2 * len(layers), 1.2 + 0.28 * len(names))
        figure = Figure(figsize=size, layout="constrained")
        axes = np.ravel(figure.subplots(1, len(layers), sharey=True))
        for ax, layer in zip(axes, layers, strict=True):
            self._draw(ax, layer)
            ax.set(
                title=layer,
                xlabel=f"{self._measure} (grey: random sets)",
                yticks=range(len(names)),
                yticklabels=names,
            )
        axes[0].invert_yaxis()
        made = self.provenance
        figure.suptitle(f"{made.subject}: {', '.join(dict.fromkeys(made.target))}")
        return figure

    @property
    def _measure(self) -> str:
        return str(self.provenance.settings["judged"])

    def _draw(self, ax: Any, layer: str) -> None:
        for place, entry in enumerate(e for e in self.entries if e.layer == layer):
            ax.plot([entry.random_low, entry.random_high], [place] * 2, lw=7, color="0.8")
            if entry.refusal:
                ax.text(0, place, entry.refusal, fontsize=6, va="center", color="0.4")
                continue
            face = "C0" if entry.significant else "white"
            ax.plot(getattr(entry, self._measure), place, "o", mec="C0", mfc=face)
        ax.axvline(0 if self._measure == "magnitude" else 0.5, color="0.6", lw=0.8)
