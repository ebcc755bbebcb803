"""Figures of volumes: slices along the depth, on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .display import limit_of, take_sign
from .errors import ExplainError
from .figure import heading, look_of, panel, picture_of, sheet

if TYPE_CHECKING:
    from .answers import Heatmap


def volume_figure(heat: Heatmap, index: int = 0, *, slices: int = 6, **display: Any) -> Any:
    """A matplotlib figure of one volume's map over its slices, evenly spread along the depth, all
    with the same colours for the same values; `display` as in `Look`."""
    depth = heat.values.shape[2]
    if not 1 <= slices <= depth:
        raise ExplainError(f"slices is {slices}; this volume takes a number from 1 to {depth}.")
    look, values = look_of(display), heat.map()[index]
    limit = limit_of(take_sign(values, look.sign), look.clip)
    chosen = np.linspace(0, depth - 1, slices).round().astype(int) if slices > 1 else [depth // 2]
    figure, axes = sheet(slices, columns=min(slices, 6))
    for axis, at in zip(axes, chosen, strict=False):
        under = picture_of(heat, index)[at]
        panel(figure, axis, f"depth {at}", values[at], under, look, limit)
    figure.suptitle(f"{heat.provenance.method} · {heading(heat, index)}", fontsize=10)
    return figure
