"""Figures of volumes: slices along the depth, each map on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .display import Look, limit_of, paint, take_sign
from .errors import ExplainError, shown
from .figure import heading, look_of, panel, picture_of, sheet

if TYPE_CHECKING:
    from .answers import Heatmap


def volume_figure(heat: Heatmap, index: int = 0, *, slices: int = 6, **display: Any) -> Any:
    """A matplotlib figure of one volume's map over its slices, evenly spread along the depth, all
    with the same colours for the same values; `display` as in `Look`."""
    depth = heat.values.shape[2]
    if not isinstance(slices, int) or not 1 <= slices <= depth:
        raise ExplainError(
            f"slices is {shown(slices)}; this volume takes a number from 1 to {depth}."
        )
    look, values = look_of(display), heat.map()[index]
    limit = _limit(heat, index, look)
    chosen = np.linspace(0, depth - 1, slices).round().astype(int) if slices > 1 else [depth // 2]
    figure, axes = sheet(slices, columns=min(slices, 6))
    for axis, at in zip(axes, chosen, strict=False):
        under = picture_of(heat, index)[at]
        panel(figure, axis, f"depth {at}", values[at], under, look, limit)
    figure.suptitle(f"{heat.provenance.method} · {heading(heat, index)}", fontsize=10)
    return figure


def slice_figure(
    answers: Sequence[tuple[Heatmap, str]], at: int, *, columns: int = 4, **display: Any
) -> Any:
    """A matplotlib figure of one slice, with the input and one panel an answer under its title."""
    look = look_of(display)
    first = answers[0][0]
    limits = [_limit(heat, 0, look) for heat, _ in answers]
    if look.scaling == "shared":
        limits = [max(limits)] * len(limits)
    figure, axes = sheet(len(answers) + 1, columns)
    axes[0].imshow(picture_of(first, 0)[at])
    axes[0].set_title(f"Input, depth {at}", fontsize=9)
    for axis, (heat, title), limit in zip(axes[1:], answers, limits, strict=False):
        panel(figure, axis, title, heat.map()[0, at], picture_of(heat, 0)[at], look, limit)
    figure.suptitle(heading(first, 0), fontsize=10)
    return figure


def painted_slice(heat: Heatmap, at: int, look: Look) -> np.ndarray:
    """One slice of a volume's map over its picture, in the colours of the whole map; (height,
    width, 3)."""
    return paint(heat.map()[0, at], picture_of(heat, 0)[at], look, _limit(heat, 0, look))[0]


def _limit(heat: Heatmap, index: int, look: Look) -> float:
    """The magnitude with the full colour, the same in every slice."""
    return limit_of(take_sign(heat.map()[index], look.sign), look.clip)
