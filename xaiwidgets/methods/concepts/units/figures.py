"""Figures of units: pictures and patches, histograms, and the map of which are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type

from ..numbered import units_of

if TYPE_CHECKING:
    from .answer import LayerUnits, UnitViews

SHOWN = ("pictures", "patches", "histograms", "similarity")
_MOST = 6


def units_figure(
    views: UnitViews, layer: LayerUnits, units: Sequence[int] | None, show: str
) -> Any:
    """The figure that UnitViews.plot gives."""
    if show not in SHOWN:
        raise ExplainError(f"show is {show!r}; it takes {', '.join(map(repr, SHOWN))}.")
    if show == "similarity":
        return _similarity(views, layer)
    chosen = _liveliest(layer) if units is None else units_of(units, layer.layer, len(layer))
    if not chosen:
        raise ExplainError("units is empty; name at least one unit.")
    draw = _histograms if show == "histograms" else _pictures
    figure = draw(views, layer, chosen, show)
    figure.suptitle(f"{views.provenance.subject}: {layer.layer}", fontsize=10)
    return figure


def _liveliest(layer: LayerUnits) -> list[int]:
    by_use = np.argsort(-np.where(layer.silent, -1.0, layer.active), kind="stable")
    return [int(unit) for unit in by_use[:_MOST]]


def _pictures(views: UnitViews, layer: LayerUnits, units: list[int], show: str) -> Any:
    top = layer.values.shape[1]
    figure = figure_type()(figsize=(1 + 1.1 * top, 0.5 + 1.2 * len(units)), layout="constrained")
    axes = figure.subplots(len(units), top, squeeze=False)
    for row, unit in zip(axes, units, strict=True):
        patches = views.patches(unit, layer.layer) if show == "patches" else None
        for rank, ax in enumerate(row):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if layer.numbers[unit, rank] < 0:
                continue
            ax.set_xlabel(f"{layer.values[unit, rank]:.3g}", fontsize=7, labelpad=2)
            if patches is not None:
                ax.imshow(patches[rank])
            else:
                _picture(views, layer, unit, rank, ax)
        row[0].set_ylabel(f"unit {unit}", fontsize=8)
    return figure


def _picture(views: UnitViews, layer: LayerUnits, unit: int, rank: int, ax: Any) -> None:
    """A top picture, the receptive field of the peak, and where the unit is above its level."""
    from matplotlib.patches import Rectangle

    height, width = views.size
    extent = (0, width, height, 0)
    ax.imshow(views.picture(int(layer.numbers[unit, rank])), extent=extent)
    top, left, bottom, right = layer.field(unit, rank)
    ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, ec="w", lw=0.8))
    mask, level = layer.maps[unit, rank], layer.level(unit)
    if min(mask.shape) > 1 and mask.min() < level < mask.max():
        rows, columns = (np.arange(n) + 0.5 for n in mask.shape)
        ax.contour(
            columns * width / mask.shape[1], rows * height / mask.shape[0], mask,
            levels=[level], colors="#ffd23f", linewidths=1,
        )  # fmt: skip
    ax.set(xlim=(0, width), ylim=(height, 0))


def _histograms(views: UnitViews, layer: LayerUnits, units: list[int], show: str) -> Any:
    columns = min(3, len(units))
    rows = -(-len(units) // columns)
    figure = figure_type()(figsize=(2.6 * columns, 0.4 + 1.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(units) :]:
        ax.set_axis_off()
    for ax, unit in zip(axes, units, strict=False):
        counts, borders = layer.histogram(unit)
        ax.stairs(counts, borders, fill=True)
        ax.axvline(layer.level(unit), color="C1", lw=1)
        ax.set(yscale="log", title=f"unit {unit}: active {layer.active[unit]:.1%}")
        ax.title.set_fontsize(8)
        ax.tick_params(labelsize=6)
    return figure


def _similarity(views: UnitViews, layer: LayerUnits) -> Any:
    figure = figure_type()(figsize=(8.4, 4), layout="constrained")
    plane, matrix = figure.subplots(1, 2)
    points = layer.places()
    plane.scatter(*points.T, s=8 + 60 * layer.active, alpha=0.6)
    for unit, (x, y) in enumerate(points):
        if np.isfinite(x) and len(layer) <= 160:
            plane.annotate(str(unit), (x, y), fontsize=5, ha="center", va="center")
    plane.set(xticks=[], yticks=[], title="like near like", aspect="equal")
    order = layer.order()
    shown = matrix.imshow(layer.correlation[np.ix_(order, order)], vmin=-1, vmax=1, cmap="RdBu_r")
    matrix.set(title="correlation, in an order that puts like beside like")
    figure.colorbar(shown, ax=matrix, shrink=0.8)
    for ax in (plane, matrix):
        ax.title.set_fontsize(9)
    figure.suptitle(f"{views.provenance.subject}: {layer.layer}", fontsize=10)
    return figure
