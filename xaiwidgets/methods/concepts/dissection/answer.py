"""What dissection answers: a label for every unit, with what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xaiwidgets.core.answers import Provenance
from xaiwidgets.core.arrays_file import read_arrays, write_arrays
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.subject import Subject

from ..numbered import unit_of
from .annotated import category_of
from .counting import Counted, Counting, lacking
from .dissected_layer import DissectedLayer
from .looking import look

if TYPE_CHECKING:
    import pandas as pd

_KIND = "dissection"


def checked_quantile(quantile: Any) -> None:
    """Refuse what is no share of activations."""
    if not isinstance(quantile, (int, float, np.floating)) or not 0 < quantile < 1:
        raise ExplainError(f"quantile is {quantile!r}; it takes a share between 0 and 1.")


class Unit(NamedTuple):
    """One unit: its best concept with the IoU, the `bound` that their areas allow, and the highest
    IoU of that concept by chance; `p` says how often chance finds some concept as good."""

    layer: str
    unit: int
    concept: str
    category: str
    iou: float
    bound: float
    chance: float
    p: float
    threshold: float
    detector: bool


class Shown(NamedTuple):
    """One picture in which a unit is active: its number in the data, uint8 pixels (height, width,
    3), the unit's maximum there, the unit's mask and that of its concept (both boolean, of one
    size, which may be smaller than the picture)."""

    number: int
    picture: np.ndarray
    peak: float
    mask: np.ndarray
    concept: np.ndarray


@dataclass(frozen=True, eq=False)
class Source:
    """What an answer was made from, as long as it is there: to show pictures, and to count anew."""

    subject: Subject
    data: Any
    counting: Counting


@dataclass(eq=False)
class Dissection:
    """Layers, units and concepts, with every IoU.

    - `layers`: a `DissectedLayer` each, in the order asked for, with `iou` and `bound` (units,
      concepts), which are all that a page needs to recount detectors at another IoU, and `rotated`
      likewise along random axes; `layer(name)` finds one
    - `concepts`: their names in the order of the columns, `categories`: what kind each is,
      `shares`: which share of the pixels annotated for its category each covers
    - `units(layer)`: a `Unit` for each; `table()`: the same as a table; `summary(iou)`: a row a
      layer; `detectors(layer, iou)`: the concepts with their detectors
    - `show(layer, unit)`: pictures with the masks, and `at(quantile)`: the same with another share
      of activations; both need the data, and so do not work after `load`
    - `iou`: from which IoU on a unit is a detector; `facts` say what was measured, `warnings`
      where not to trust it
    """

    layers: list[DissectedLayer]
    rotated: list[DissectedLayer]
    concepts: list[str]
    shares: np.ndarray
    iou: float
    provenance: Provenance
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    source: Source | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, source: Source, counted: Counted, made: Provenance, facts: Sequence[str] = ()
    ) -> Dissection:
        """What was counted, with what there is to say about it."""
        if not counted.concepts:
            raise ExplainError(
                "No mask of the data holds a concept that was asked for; check concepts= and the "
                "names of the masks."
            )
        iou = made.settings["iou"]
        own = [each for each in counted.units if not each.rotation]
        turned = [each for each in counted.units if each.rotation]
        return cls(
            own, turned, counted.concepts, counted.shares, iou, made,
            [*_facts(source.counting, made.settings), *facts],
            _warnings(own, counted.concepts, iou), source,
        )  # fmt: skip

    # --- what was found -----------------------------------------------------------------------

    @property
    def categories(self) -> list[str]:
        """The category of each concept."""
        return [category_of(name) for name in self.concepts]

    def layer(self, name: str | None = None) -> DissectedLayer:
        """The units of a layer, the first one unless one is named."""
        for units in self.layers:
            if name in (None, units.layer):
                return units
        names = [units.layer for units in self.layers]
        raise ExplainError(f"{name!r} was not dissected. {nearest(str(name), names)}")

    def units(self, layer: str | None = None) -> list[Unit]:
        """Every unit of a layer with its best concept."""
        units = self.layer(layer)
        found, detectors = units.label, units.detectors(self.iou)
        rows = zip(range(len(units)), found, units.p, units.thresholds, detectors, strict=True)
        return [
            Unit(
                units.layer, k, self.concepts[c], self.categories[c], float(units.iou[k, c]),
                float(units.bound[k, c]), float(units.chance_high[k, c]), float(p), float(t),
                bool(detector),
            )
            for k, c, p, t, detector in rows
        ]  # fmt: skip

    def table(self, layer: str | None = None) -> pd.DataFrame:
        """One row a unit, of one layer or of all: label, IoU and what it is worth."""
        import pandas as pd

        names = [each.layer for each in self.layers] if layer is None else [layer]
        return pd.DataFrame([unit for name in names for unit in self.units(name)])

    def detectors(self, layer: str | None = None, iou: float | None = None) -> dict[str, list[int]]:
        """The concepts that some unit detects, each with its units, the best first."""
        units = self.layer(layer)
        found: dict[str, list[int]] = {}
        for k in np.argsort(-units.best, kind="stable"):
            if units.detectors(self.iou if iou is None else iou)[k]:
                found.setdefault(self.concepts[units.label[k]], []).append(int(k))
        return found

    def interpretability(self, layer: str | None = None, iou: float | None = None) -> float:
        """The share of a layer's units that are detectors."""
        return float(self.layer(layer).detectors(self.iou if iou is None else iou).mean())

    def summary(self, iou: float | None = None) -> pd.DataFrame:
        """One row a layer: units, detectors, their share (interpretability), the concepts that they
        detect (unique detectors), in all and by category, and the same shares along random axes:
        their mean with its 95 % interval."""
        import pandas as pd

        iou = self.iou if iou is None else iou
        return pd.DataFrame([self._row(units, iou) for units in self.layers])

    def _row(self, units: DissectedLayer, iou: float) -> dict[str, Any]:
        kinds = [category_of(name) for name in self._unique(units, iou)]
        turned = [each for each in self.rotated if each.layer == units.layer]
        shares = np.array([each.detectors(iou).mean() for each in turned])
        mean, low, high = _interval(shares)
        return {
            "layer": units.layer, "units": len(units),
            "detectors": int(units.detectors(iou).sum()),
            "interpretability": float(units.detectors(iou).mean()), "unique": len(kinds),
            **{f"unique {kind}": kinds.count(kind) for kind in dict.fromkeys(self.categories)},
            "rotated": mean, "rotated_low": low, "rotated_high": high,
            "rotated_unique": float(np.mean([len(self._unique(each, iou)) for each in turned]))
            if turned else np.nan,
        }  # fmt: skip

    def _unique(self, units: DissectedLayer, iou: float) -> list[str]:
        return [self.concepts[c] for c in np.unique(units.label[units.detectors(iou)])]

    # --- counting and looking again -----------------------------------------------------------

    def at(self, quantile: float) -> Dissection:
        """The same with another share of activations taken for active: no pass, what was kept is
        counted anew. Raises ExplainError where too little was kept."""
        checked_quantile(quantile)
        source, settings = self.needed(), {**self.provenance.settings, "quantile": quantile}
        limits = source.counting.limits(quantile)
        if few := lacking(limits):
            raise ExplainError(
                f"Of {few} units too few activations were kept for quantile {quantile}; "
                f"ask NetworkDissection(quantile={quantile}) anew."
            )
        counted = source.counting.counted(limits, settings["shuffles"], settings["seed"])
        made = replace(self.provenance, settings=settings, seconds=0.0, forwards=0)
        return Dissection.of(source, counted, made)

    def show(self, layer: str | None, unit: int, count: int = 6) -> list[Shown]:
        """The pictures in which a unit is most active, with its mask and that of its concept: up
        to 16, made by sending these pictures through the network again."""
        source, units = self.needed(), self.layer(layer)
        unit = unit_of(unit, units.layer, len(units))
        numbers = units.top[unit, :count]
        concept = self.concepts[units.label[unit]]
        counting = source.counting
        found = look(
            source.subject, source.data, numbers, units.layer, unit, concept,
            counting.layers[units.layer], counting.size,
        )  # fmt: skip
        masks = found.values > units.thresholds[unit]
        rows = zip(numbers, found.pictures, units.peaks[unit], masks, found.masks, strict=False)
        return [Shown(int(number), p, float(peak), m, truth) for number, p, peak, m, truth in rows]

    def needed(self) -> Source:
        """Network, data and what was kept; an ExplainError where they are gone."""
        if self.source is None:
            raise ExplainError(
                "This dissection was read from a file, without network and data; ask "
                "NetworkDissection again to see pictures or to count anew."
            )
        return self.source

    # --- keeping and drawing ------------------------------------------------------------------

    def __repr__(self) -> str:
        made = self.provenance
        told = ", ".join(
            f"{int(each.detectors(self.iou).sum())} of {len(each)} units of {each.layer!r} detect "
            f"{len(self._unique(each, self.iou))} of {len(self.concepts)} concepts"
            for each in self.layers
        )
        return (
            f"Dissection(of {made.subject}: {told}; {made.seconds:.2f} s, {made.forwards} forward "
            "passes)"
        )

    def plot(self, iou: float | None = None) -> Any:
        """A matplotlib figure: how many concepts each layer detects, by category, with the mean and
        interval along random axes where there are some."""
        table = self.summary(iou)
        kinds = list(dict.fromkeys(self.categories))
        figure = figure_type()(figsize=(2.2 + 0.9 * len(table), 3.4), layout="constrained")
        ax = figure.subplots()
        below = np.zeros(len(table))
        for kind in kinds:
            ax.bar(table["layer"], table[f"unique {kind}"], bottom=below, label=kind, width=0.7)
            below += table[f"unique {kind}"].to_numpy()
        for place, (height, share) in enumerate(zip(below, table["interpretability"], strict=True)):
            ax.text(place, height, f"{share:.0%}", ha="center", va="bottom", fontsize=8)
        if self.rotated:
            ax.plot(table["layer"], table["rotated_unique"], "k_", ms=16, label="random axes")
        ax.set(ylabel="concepts detected", title=f"{self.provenance.subject} (share of units)")
        ax.margins(y=0.12)
        ax.legend(frameon=False, fontsize=8)
        return figure

    def save(self, path: str | Path) -> Path:
        """Write every number and the provenance to one .npz file; nothing in it can run code."""
        arrays = {"shares": self.shares}
        for i, units in enumerate([*self.layers, *self.rotated]):
            arrays |= {f"{i} {name}": values for name, values in units.arrays().items()}
        about = {
            "provenance": self.provenance.plain(), "concepts": self.concepts, "iou": self.iou,
            "facts": self.facts, "warnings": self.warnings,
            "units": [[u.layer, u.rotation, u.grid] for u in [*self.layers, *self.rotated]],
        }  # fmt: skip
        return write_arrays(path, _KIND, about, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Dissection:
        """Read what `save` wrote; refuses any other file."""
        about, arrays = read_arrays(path, _KIND)
        units = [
            DissectedLayer(layer, rotation, (grid[0], grid[1]), **_numbered(arrays, i))
            for i, (layer, rotation, grid) in enumerate(about["units"])
        ]
        return cls(
            [u for u in units if not u.rotation], [u for u in units if u.rotation],
            about["concepts"], arrays["shares"], about["iou"],
            Provenance.from_plain(about["provenance"]), about["facts"], about["warnings"],
        )  # fmt: skip


def _numbered(arrays: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    before = f"{number} "
    return {name[len(before) :]: v for name, v in arrays.items() if name.startswith(before)}


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean, and where it lies with 95 %; NaN with fewer than two."""
    if len(values) < 2:
        return (float(values.mean()) if len(values) else np.nan), np.nan, np.nan
    mean, wide = float(values.mean()), spread_of_mean(len(values)) * float(values.std(ddof=1))
    return mean, mean - wide, mean + wide


def spread_of_mean(count: int) -> float:
    """Within how many standard deviations of so many numbers their mean lies with 95 %, by the
    t-distribution; 0 with fewer than two."""
    from scipy import stats

    return float(stats.t.ppf(0.975, count - 1)) / count**0.5 if count > 1 else 0.0


def _facts(counting: Counting, settings: Mapping[str, Any]) -> list[str]:
    return [
        f"A unit is active where it exceeds what {settings['quantile']:.3g} of its activations "
        "exceed, found exactly; its maps are brought to the size of the masks by bilinear "
        f"interpolation between the {counting.anchored}.",
        f"Chance: concepts of other pictures, {settings['shuffles']} times.",
    ]


def _warnings(layers: list[DissectedLayer], concepts: list[str], iou: float) -> list[str]:
    found = []
    reach = np.max([units.bound.max(0) for units in layers], axis=0)
    if out := [name for name, bound in zip(concepts, reach, strict=True) if bound < iou]:
        found.append(
            f"{len(out)} of {len(concepts)} concepts are so large or so rare beside what counts as "
            f"active that no unit can reach an IoU of {iou:g}: {', '.join(out[:6])}"
            f"{' ...' if len(out) > 6 else ''}."
        )
    for units in layers:
        if dead := int((units.peaks[:, 0] <= units.thresholds).sum()):
            found.append(f"{dead} of {len(units)} units of {units.layer!r} are never active.")
    return found
