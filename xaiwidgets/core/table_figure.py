"""Figures of tables: a bar a column, as the page shows them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import Cells, as_written
from .display import Look, colours, kept, limit_of, take_sign
from .errors import ExplainError

if TYPE_CHECKING:
    from .answers import Heatmap

MOST = 15  # bars in one panel; the rest are counted below
_BAR, _WIDE, _NAMES = 0.22, 2.2, 2.2  # in inches: height of a bar, width of bars and of names
_FOR, _AGAINST = 207, 48  # places in the colour map of what speaks for the target, against it


@dataclass(frozen=True)
class Chart:
    """Bars under a title: `values` (columns,), with their standard `error` where there is one."""

    title: str
    cells: Cells
    values: np.ndarray
    error: np.ndarray | None = None

    @classmethod
    def of(cls, heat: Heatmap, index: int, title: str) -> Chart:
        """One row of an answer."""
        assert heat.parts is not None
        cells, error = heat.parts[index], heat.error_map()
        assert isinstance(cells, Cells)
        return cls(title, cells, heat.map()[index, 0], None if error is None else error[index, 0])

    def order(self, look: Look) -> np.ndarray:
        """The columns that are drawn, from the top down."""
        if look.order == "table":
            return np.arange(min(len(self.values), MOST))
        part = take_sign(self.values, look.sign)
        return np.argsort(-np.abs(part), kind="stable")[:MOST]


def table_figure(charts: Sequence[Chart], look: Look, heading: str = "", columns: int = 3) -> Any:
    """A matplotlib figure of bars, a panel a chart, with the row's values beside the columns."""
    from .figure import figure_type

    columns = min(columns, len(charts))
    rows = -(-len(charts) // columns)
    bars = max(min(len(chart.values), MOST) for chart in charts)
    size = (columns * (_NAMES + _WIDE), rows * (bars * _BAR + 0.75) + 0.3)
    figure = figure_type()(figsize=size, layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    limits = [limit_of(take_sign(chart.values, look.sign), look.clip) for chart in charts]
    if look.scaling == "shared":
        limits = [max(limits)] * len(limits)
    for axis, chart, limit in zip(axes, charts, limits, strict=False):
        _draw(axis, chart, limit or 1.0, look)
    for axis in axes[len(charts) :]:
        axis.set_axis_off()
    if heading:
        figure.suptitle(heading, fontsize=10)
    return figure


def table_sheet(charts: Sequence[Chart], look: Look, heading: str = "") -> bytes:
    """The same as a PNG, no wider than a notebook, so that its letters stay legible there."""
    buffer = io.BytesIO()
    table_figure(charts, look, heading, columns=2).savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def bars(values: Any, names: Sequence[str], titles: Sequence[str] = (), **display: Any) -> Any:
    """A matplotlib figure of numbers a feature (features,) or (panels, features), such as what
    `gale` and `normlime` give for every class; `display` as for a heatmap's `plot`."""
    from .figure import look_of

    table = np.atleast_2d(np.asarray(values, dtype=np.float64))
    headings = list(titles) or [""] * len(table)
    if table.ndim != 2 or table.shape[1] != len(names) or len(headings) != len(table):
        raise ExplainError(
            f"The values have shape {table.shape} and there are {len(names)} names and "
            f"{len(titles)} titles; give a name for each feature, and a title for each row."
        )
    cells = Cells(tuple(map(str, names)), ("",) * len(names))
    charts = [Chart(title, cells, row) for title, row in zip(headings, table, strict=True)]
    return table_figure(charts, look_of({"clip": 100.0, **display}))


def _draw(axis: Any, chart: Chart, limit: float, look: Look) -> None:
    order = chart.order(look)
    part = take_sign(chart.values, look.sign)
    drawn = kept(part, look.keep)[order]
    table, place = colours(look.colour_map) / 255, np.arange(len(order))
    ink = [
        (*table[_AGAINST if part[i] < 0 else _FOR], 1.0 if is_drawn else 0.15)
        for i, is_drawn in zip(order, drawn, strict=True)
    ]
    error = None if chart.error is None else chart.error[order]
    axis.barh(
        place, np.clip(part[order], -limit, limit), 0.72, color=ink, xerr=error,
        error_kw={"ecolor": "0.2", "elinewidth": 0.8, "capsize": 1.5},
    )  # fmt: skip
    low = -limit if look.sign == "signed" and (part < 0).any() else 0.0
    beyond = _beyond(part[order], error, limit)
    axis.set_xlim(low and 1.04 * low - beyond, 1.04 * limit + beyond)
    axis.set_ylim(len(order) - 0.4, -0.6)
    axis.set_yticks(place, [_label(chart.cells, i) for i in order], fontsize=7, parse_math=False)
    axis.set_xticks([low, 0, limit] if low else [0, limit])
    axis.set_xticklabels([_end(t) for t in ([low, 0, limit] if low else [0, limit])])
    axis.tick_params(axis="x", labelsize=7)
    axis.tick_params(axis="y", length=0)
    axis.axvline(0, color="0.3", linewidth=0.8)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    more = len(part) - len(order)
    axis.set_title(chart.title, fontsize=9, loc="left", parse_math=False)
    if more:
        axis.set_xlabel(f"and {more} more columns", fontsize=7)


def _end(number: float) -> str:
    """An end of the scale, rounded to three digits."""
    return as_written(float(f"{number:.3g}"))


def _beyond(part: np.ndarray, error: np.ndarray | None, limit: float) -> float:
    """How far the longest whisker reaches over the scale's end."""
    if error is None:
        return 0.0
    return max(0.0, float((np.minimum(np.abs(part), limit) + error).max()) - limit)


def _label(cells: Cells, column: int) -> str:
    """A column's name, with what stands there."""
    name, piece = cells.names[column], cells.pieces[column]
    name = name if len(name) <= 24 else f"{name[:23]}…"
    return f"{name} = {piece}" if piece else name
