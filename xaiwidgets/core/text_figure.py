"""Figures of texts: tokens on the colour of their value, as the page shows them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .display import Look, limit_of, marks, smooth, take_sign
from .tokens import Tokens

if TYPE_CHECKING:
    from .answers import Heatmap

# in points
_WIDE, _MARGIN, _SIZE, _LINE, _HEAD, _APART = 480.0, 10.0, 10.0, 17.0, 18.0, 12.0
_BLANK, _PAD, _SCALE = 3.0, 1.5, 80.0
UNSEEN = "·"  # stands for a token that shows nothing of its own, such as the end of a letter


@dataclass(frozen=True)
class Sheet:
    """One text under its title, with a value a token (tokens,) or none."""

    title: str
    tokens: Tokens
    values: np.ndarray | None = None

    @classmethod
    def of(cls, heat: Heatmap, index: int, title: str) -> Sheet:
        """One text of an answer, with its values."""
        assert heat.parts is not None
        tokens = heat.parts[index]
        assert isinstance(tokens, Tokens)
        return cls(title, tokens, heat.map()[index, 0, : len(tokens)])

    def part(self, look: Look) -> np.ndarray | None:
        """The part of the values that is looked at."""
        if self.values is None:
            return None
        return take_sign(smooth(self.values[None], look.smoothing)[0], look.sign)


@dataclass(frozen=True)
class Place:
    """Where a token stands, in points from the upper left corner of its text."""

    number: int
    left: float
    line: int
    wide: float


def text_figure(sheets: Sequence[Sheet], look: Look, heading: str = "") -> Any:
    """A matplotlib figure of texts, one below the other, each with the numbers of its scale."""
    from .figure import figure_type

    parts = [sheet.part(look) for sheet in sheets]
    limits = [0.0 if part is None else limit_of(part, look.clip) for part in parts]
    if look.scaling == "shared":
        limits = [max(limits)] * len(limits)
    placed = [list(place(sheet.tokens, _WIDE)) for sheet in sheets]
    heights = [_HEAD + _LINE * (1 + spots[-1].line) for spots in placed]
    top = 2 * _MARGIN + _HEAD * bool(heading)
    high = top + sum(heights) + _APART * (len(sheets) - 1)
    wide = _WIDE + 2 * _MARGIN
    figure = figure_type()(figsize=(wide / 72, high / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.set_axis_off()
    y = _MARGIN
    if heading:
        _write(axes, _MARGIN, y + _HEAD / 2, heading, _SIZE)
        y += _HEAD
    for sheet, part, limit, spots, height in zip(
        sheets, parts, limits, placed, heights, strict=True
    ):
        _write(axes, _MARGIN, y + _HEAD / 2, sheet.title, _SIZE - 1, weight="bold")
        if part is not None:
            _draw_scale(axes, y + _HEAD / 2, limit, look)
        _draw_tokens(axes, y + _HEAD, sheet.tokens, part, limit, spots, look)
        y += height + _APART
    return figure


def text_sheet(sheets: Sequence[Sheet], look: Look) -> bytes:
    """The same as a PNG."""
    buffer = io.BytesIO()
    text_figure(sheets, look).savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def place(tokens: Tokens, wide: float) -> Iterator[Place]:
    """Where every token stands in lines of that width: broken where the text has a line's end, and
    where a line is full."""
    left, line = 0.0, 0
    for number, (piece, gap) in enumerate(zip(tokens.pieces, tokens.gaps, strict=True)):
        ends = gap.count("\n")
        apart = bool(gap) or tokens.special[number] or (number and tokens.special[number - 1])
        own = _width(piece or UNSEEN) + 2 * _PAD
        left += _BLANK if apart and left else 0.0
        if ends or (left and left + own > wide):
            left, line = 0.0, line + max(1, ends)
        yield Place(number, left, line, own)
        left += own


def _draw_tokens(
    axes: Any,
    top: float,
    tokens: Tokens,
    part: np.ndarray | None,
    limit: float,
    spots: Sequence[Place],
    look: Look,
) -> None:
    from matplotlib.patches import Rectangle

    shown = np.zeros(len(tokens)) if part is None else part
    inks, shares = marks(shown, limit, look)
    for spot, ink, share in zip(spots, inks / 255, shares, strict=True):
        x, y = _MARGIN + spot.left, top + _LINE * spot.line
        special = tokens.special[spot.number]
        axes.add_patch(
            Rectangle((x, y + 1), spot.wide, _LINE - 2, facecolor=(*ink, share), linewidth=0)
        )
        paper = ink * share + 1 - share
        dark = float(paper @ (0.2126, 0.7152, 0.0722)) < 0.45
        colour = "white" if dark else "0.45" if special else "black"
        piece = tokens.pieces[spot.number] or UNSEEN
        _write(axes, x + _PAD, y + _LINE / 2, piece, _SIZE, color=colour)


def _draw_scale(axes: Any, middle: float, limit: float, look: Look) -> None:
    """The colours between their ends in numbers, to the right of the title."""
    low = -limit if look.sign == "signed" else 0.0
    ends = f"{low:.3g}".replace("-", "−"), f"{limit:.3g}"
    right = _MARGIN + _WIDE - _width(ends[1]) * 0.8
    row = np.linspace(low, limit, 64) if limit else np.zeros(64)
    inks, shares = marks(row, limit, look, whole=True)
    pixels = np.concatenate([inks / 255, shares[:, None]], 1)[None]
    extent = (right - 4 - _SCALE, right - 4, middle + 3, middle - 3)
    axes.imshow(pixels, extent=extent, aspect="auto", interpolation="nearest")
    size = _SIZE * 0.8
    _write(axes, right, middle, ends[1], size)
    _write(axes, right - 8 - _SCALE, middle, ends[0], size, ha="right")


def _write(axes: Any, x: float, y: float, words: str, size: float, **how: Any) -> None:
    axes.text(x, y, words, fontsize=size, va="center_baseline", parse_math=False, **how)


def _width(words: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    wide, _, _ = text_to_path.get_text_width_height_descent(
        words, FontProperties(size=_SIZE), False
    )
    return math.ceil(wide)
