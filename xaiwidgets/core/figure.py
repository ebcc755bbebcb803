"""Figures fit for a paper: maps over their pictures, each with a numeric legend."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import Cells
from .display import Look, above, colours, limit_of, paint, smooth, take_sign
from .errors import ExplainError
from .tokens import Tokens

if TYPE_CHECKING:
    from .answers import Heatmap

BOXED = "#ffb000"
_ABREAST = 5  # pictures of a strip in one row: more are too small in a notebook


def look_of(display: dict[str, Any]) -> Look:
    """A Look from display settings; unknown names are refused in words."""
    known = {field.name for field in fields(Look)}
    unknown = set(display) - known - {"truth", "error", "slice"}
    if unknown:
        raise ExplainError(
            f"{sorted(unknown)[0]!r} is no display setting; there are {', '.join(sorted(known))}."
        )
    return Look(**{name: value for name, value in display.items() if name in known})


def heatmap_figure(
    answers: Sequence[tuple[Heatmap, int]],
    *,
    columns: int = 4,
    titles: Sequence[str] = (),
    **display: Any,
) -> Any:
    """A matplotlib figure with the input and one panel an answer, each with its colour bar.

    `answers` are pairs of an answer and the number of its input; `display` as in `Look`.
    """
    if not answers:
        raise ExplainError("There is no answer to draw yet; wait for one first.")
    if of_table(answers[0][0].parts):  # bars have room for the largest of them
        display = {"clip": 100.0, **display}
    look = look_of(display)
    if answers[0][0].parts is not None:
        return _figure_of_parts(answers, titles, look, columns)
    shared = None
    if look.scaling == "shared":
        shared = max(_limit(heat, i, look) for heat, i in answers)
    figure, axes = sheet(len(answers) + 1, columns)
    first, index = answers[0]
    axes[0].imshow(picture_of(first, index))
    axes[0].set_title("Input", fontsize=9)
    names = _names(answers, titles)
    for axis, name, (heat, i) in zip(axes[1:], names, answers, strict=False):
        panel(figure, axis, name, heat.map()[i], picture_of(heat, i), look, shared)
    figure.suptitle(heading(first, index), fontsize=10)
    return figure


def sheet(panels: int, columns: int) -> tuple[Any, np.ndarray]:
    """A matplotlib figure with room for so many panels, and their axes."""
    if not isinstance(columns, (int, np.integer)) or columns < 1:
        raise ExplainError(f"columns is {columns!r}; it takes a whole number from 1.")
    columns = min(columns, panels)
    rows = -(-panels // columns)
    figure = figure_type()(figsize=(2.6 * columns, 2.75 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    _lay(axes)
    return figure, axes


def _lay(axes: np.ndarray) -> None:
    """Pictures without rulers, all on one line: a colour bar pulls its own down to it."""
    for axis in axes:
        axis.set_axis_off()
        axis.set_anchor("S")


def strip_figure(
    picture: np.ndarray, maps: Sequence[tuple[str, np.ndarray]], label: str, **display: Any
) -> Any:
    """A matplotlib figure of a picture (height, width, 3) and, in as few rows as stay legible, maps
    over it, each with its title, on its own grid, with its own colour bar."""
    look = look_of(display)
    count = len(maps) + 1
    rows = -(-count // _ABREAST)
    columns = -(-count // rows)
    figure = figure_type()(figsize=(1.9 * columns, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    axes[0].imshow(picture)
    axes[0].set_title("Input", fontsize=8)
    for axis, (title, values) in zip(axes[1:], maps, strict=False):
        panel(figure, axis, title, _enlarged(values, picture.shape), picture, look, None, 8)
    _lay(axes)
    figure.suptitle(label, fontsize=10)
    return figure


def _enlarged(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A coarse map on the picture's grid, every value as the block that it stands for."""
    rows, columns = (
        np.arange(side) * coarse // side
        for side, coarse in zip(shape[:2], values.shape, strict=True)
    )
    return values[np.ix_(rows, columns)]


def _figure_of_parts(
    answers: Sequence[tuple[Heatmap, int]], titles: Sequence[str], look: Look, columns: int
) -> Any:
    """Of texts their tokens, of tables their columns as bars."""
    from .table_figure import Chart, table_figure
    from .text_figure import Sheet, text_figure

    named = list(zip(_names(answers, titles), answers, strict=False))
    above_all = heading(*answers[0])
    if of_table(answers[0][0].parts):
        charts = [Chart.of(heat, i, name) for name, (heat, i) in named]
        return table_figure(charts, look, above_all, columns)
    return text_figure([Sheet.of(heat, i, name) for name, (heat, i) in named], look, above_all)


def of_table(parts: Sequence[Tokens | Cells] | None) -> bool:
    """Whether inputs that consist of these parts are rows of a table."""
    return parts is not None and isinstance(parts[0], Cells)


def _names(answers: Sequence[tuple[Heatmap, int]], titles: Sequence[str]) -> list[str]:
    return list(titles) or [heat.provenance.method for heat, _ in answers]


def heading(heat: Heatmap, index: int) -> str:
    """What is explained, and of which network."""
    return f"{heat.provenance.subject}: {heat.provenance.target[index]}"


@functools.cache
def figure_type() -> type:
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """A figure that a notebook shows, whether or not pyplot was imported before."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=100)
            return buffer.getvalue()

    return ShownFigure


def panel(
    figure: Any,
    axis: Any,
    name: str,
    values: np.ndarray,
    picture: np.ndarray,
    look: Look,
    shared: float | None,
    fontsize: int = 9,
) -> None:
    """A map (height, width) over its picture (height, width, 3), with its colour bar below."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Rectangle

    image, limit = paint(values, picture, look, shared)
    axis.imshow(image)
    axis.set_title(name, fontsize=fontsize)
    if look.contour:
        mask = above(take_sign(smooth(values, look.smoothing), look.sign), look.contour)
        if mask.any() and not mask.all():
            axis.contour(mask, levels=[0.5], colors="k", linewidths=0.8)
    if look.box and values.max() > 0:
        from .boxes import edges, main_box

        top, left, bottom, right = edges(main_box(values, look.box / 100))
        corner = (left - 0.5, top - 0.5)
        axis.add_patch(
            Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=BOXED, lw=1.5)
        )
    low = -limit if look.sign == "signed" else 0.0
    scale = ScalarMappable(
        Normalize(low, limit or 1.0), ListedColormap(colours(look.colour_map) / 255)
    )
    bar = figure.colorbar(scale, ax=axis, orientation="horizontal", fraction=0.05, pad=0.02)
    bar.set_ticks([low, 0, limit] if low else [0, limit])
    bar.ax.tick_params(labelsize=6)
    bar.ax.set_xticklabels([f"{tick:.3g}" for tick in ([low, 0, limit] if low else [0, limit])])


def _limit(heat: Heatmap, index: int, look: Look) -> float:
    return limit_of(take_sign(smooth(heat.map()[index], look.smoothing), look.sign), look.clip)


def picture_of(heat: Heatmap, index: int) -> np.ndarray:
    """The picture under a map, or mid grey where none was kept; (height, width, 3) uint8."""
    if heat.pictures is not None:
        return heat.pictures[index]
    return np.full((*heat.values.shape[2:], 3), 128, np.uint8)


def thumbnail(heat: Heatmap, side: int = 160, most: int = 4) -> bytes:
    """The first maps side by side as a small PNG; texts one below the other, tables as bars."""
    shown = range(min(len(heat), most))
    if heat.parts is not None:
        from .table_figure import Chart, table_sheet
        from .text_figure import Sheet, text_sheet

        targets = heat.provenance.target
        if of_table(heat.parts):
            return table_sheet([Chart.of(heat, i, targets[i]) for i in shown], Look(clip=100.0))
        return text_sheet([Sheet.of(heat, i, targets[i]) for i in shown], Look())
    if heat.values.ndim == 5:
        return contact_sheet([_middle(heat, i) for i in shown], [], side=side)
    painted = [paint(heat.map()[i], picture_of(heat, i), Look())[0] for i in shown]
    return contact_sheet(painted, [], side=side)


def _middle(heat: Heatmap, index: int) -> np.ndarray:
    """The slice of a volume on which most of its map lies, painted; (height, width, 3)."""
    values = heat.map()[index]
    at = int(np.abs(values).sum((1, 2)).argmax())
    return paint(values[at], picture_of(heat, index)[at], Look())[0]


def contact_sheet(
    pictures: Sequence[np.ndarray], labels: Sequence[str], *, side: int = 160, columns: int = 5
) -> bytes:
    """Pictures (height, width, 3) in rows, each under its label of one or two lines, as a PNG."""
    from PIL import Image, ImageDraw

    written = [_lettered(words, side) for words in labels]
    gap, head = 8, 8 + 14 * max((len(lines) for lines, _ in written), default=0) if labels else 0
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (columns * (side + gap) - gap, rows * (side + head + gap) - gap)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        left = (number % columns) * (side + gap)
        top = (number // columns) * (side + head + gap)
        if labels:
            lines, font = written[number]
            above = top + head - 20 - 14 * (len(lines) - 1)
            for place, words in enumerate(lines):
                draw.text((left, above + 14 * place), words, "black", font)
        scale = side / max(picture.shape[:2])
        shape = tuple(max(1, round(length * scale)) for length in picture.shape[1::-1])
        sheet.paste(Image.fromarray(picture).resize(shape), (left, top + head))
    return _as_png(sheet)


def below_each_other(sheets: Sequence[bytes], gap: int = 16) -> bytes:
    """PNGs on one, each below the one before."""
    from PIL import Image

    pictures = [Image.open(io.BytesIO(sheet)) for sheet in sheets]
    height = sum(picture.height + gap for picture in pictures) - gap
    page = Image.new("RGB", (max(picture.width for picture in pictures), height), "white")
    top = 0
    for picture in pictures:
        page.paste(picture, (0, top))
        top += picture.height + gap
    return _as_png(page)


def _as_png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _lettered(words: str, width: int) -> tuple[list[str], Any]:
    """Words on one line, or in two, in the largest letters that fit the width. Pillow's own font
    has neither the minus of a contrast nor Greek."""
    broken = product((12, 11, 10, 9, 8, 7), _breaks(words))
    for size, lines in [(12, [words]), *broken]:
        font = _font(size)
        if all(font.getlength(line) <= width for line in lines):
            return lines, font
    return [words], _font(7)


def _breaks(words: str) -> list[list[str]]:
    """Words in two lines in every way, the fullest first line first."""
    parts = words.split(" ")
    cuts = range(len(parts) - 1, 0, -1)
    return [[" ".join(parts[:cut]), " ".join(parts[cut:])] for cut in cuts]


@functools.cache
def _font(size: int) -> Any:
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
