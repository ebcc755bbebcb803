"""What TCAV answers: a score for every concept at every layer, with what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.answers import Provenance
from xaiwidgets.core.arrays_file import read_arrays, write_arrays
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject

from .kept import ARRAYS, Kept, arrays_of, entry_from
from .score import ConceptScore
from .vector import ConceptVector

if TYPE_CHECKING:
    import pandas as pd

    from .run import Run

_HIDDEN = (
    "score", "low", "high", "magnitude", "magnitude_low", "magnitude_high", "random_low",
    "random_high", "p", "published_p",
)  # fmt: skip
_KIND = "concept scores"
_SMALL = {"fontsize": 7, "color": "0.4"}


@dataclass(eq=False)
class ConceptScores:
    """Concepts × layers: `table()`, `plot()`, each input's derivatives, and the concepts' vectors.

    `facts` say what was measured, `warnings` where not to trust it.
    """

    entries: list[ConceptScore]
    provenance: Provenance
    facts: list[str]
    warnings: list[str]
    _run: Run | Kept = field(repr=False)

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
            row = entry.plain()
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
        return self._run.vector(self.entry(concept, layer))

    # --- asked further ------------------------------------------------------------------------

    def adding(
        self,
        concepts: Mapping[str, Any],
        *,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> ConceptScores:
        """The answer with more concepts, by name, for the forward passes of their examples alone.

        What was asked about stays as it was, but for the correction: there are more questions.
        """
        return self._run.adding(concepts, progress, cancel)

    def without(self, concept: str) -> ConceptScores:
        """The answer without a concept, for nothing."""
        self.entry(concept)
        return self._run.without(concept)

    # --- kept ---------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write scores, vectors and provenance to one .npz file; nothing in it can run code."""
        vectors = [self._run.vector(entry) for entry in self.entries]
        arrays = {}
        for i, (entry, vector) in enumerate(zip(self.entries, vectors, strict=True)):
            arrays.update({f"{name} {i}": a for name, a in arrays_of(entry, vector).items()})
        about = {
            "provenance": self.provenance.plain(), "facts": self.facts, "warnings": self.warnings,
            "entries": [entry.plain() for entry in self.entries],
            "borders": [entry.direction.border for entry in self.entries],
            "pooling": vectors[0].pooling, "shape": list(vectors[0].shape),
        }  # fmt: skip
        return write_arrays(path, _KIND, about, arrays)

    @classmethod
    def load(cls, path: str | Path, subject: Any = None) -> ConceptScores:
        """Read what `save` wrote; refuses any other file. Its vectors belong to a network, the
        `subject`, and are to be had where that is given."""
        about, arrays = read_arrays(path, _KIND)
        told = enumerate(zip(about["entries"], about["borders"], strict=True))
        entries = [
            entry_from(plain, border, {name: arrays[f"{name} {i}"] for name in ARRAYS})
            for i, (plain, border) in told
        ]
        made = Provenance.from_plain(about["provenance"])
        known = None if subject is None else Subject.of(subject)
        held = {
            (entry.concept, entry.layer): (arrays[f"vector {i}"], arrays[f"origin {i}"])
            for i, entry in enumerate(entries)
        }
        kept = Kept(held, about["pooling"], tuple(about["shape"]), known, made.network)
        return cls(entries, made, about["facts"], about["warnings"], kept)

    def plot(self) -> Any:
        """A matplotlib figure: what was tested, a row a concept and a panel a layer, over the range
        in which random sets lie. Full dots are significant, what was refused has no dot."""
        layers = list(dict.fromkeys(entry.layer for entry in self.entries))
        names = list(dict.fromkeys(entry.concept for entry in self.entries))
        size = (2 + 3.2 * len(layers), 1.2 + 0.28 * len(names))
        figure = figure_type()(figsize=size, layout="constrained")
        axes = np.ravel(figure.subplots(1, len(layers), sharey=True))
        for ax, layer in zip(axes, layers, strict=True):
            self._draw(ax, layer)
            ax.set(
                title=layer,
                xlabel=f"{self._measure} (grey: random sets)",
                yticks=range(len(names)),
                yticklabels=names,
                ylim=(len(names) - 0.5, -0.5),
            )
            ax.locator_params(axis="x", nbins=5)
        made = self.provenance
        figure.suptitle(f"{made.subject}: {', '.join(dict.fromkeys(made.target))}")
        return figure

    @property
    def _measure(self) -> str:
        return str(self.provenance.settings["judged"])

    def _draw(self, ax: Any, layer: str) -> None:
        for place, entry in enumerate(e for e in self.entries if e.layer == layer):
            if entry.refusal:
                across = ax.get_yaxis_transform()
                ax.text(0.02, place, entry.refusal, transform=across, va="center", **_SMALL)
                continue
            ax.plot([entry.random_low, entry.random_high], [place] * 2, lw=7, color="0.8")
            face = "C0" if entry.significant else "white"
            ax.plot(getattr(entry, self._measure), place, "o", mec="C0", mfc=face)
        ax.axvline(0 if self._measure == "magnitude" else 0.5, color="0.6", lw=0.8)
