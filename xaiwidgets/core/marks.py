"""What somebody marked in a picture: boxes and strokes of a brush, and the pixels they cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .brush import painted
from .errors import ExplainError

Shapes = list[list[int]]
_BOX = 4  # x0, y0, x1, y1


def marked(shapes: Sequence[Sequence[int]], size: tuple[int, int]) -> np.ndarray:
    """The pixels (height, width) that shapes cover, as bool.

    A shape is a box [x0, y0, x1, y1], the last two just outside, or a stroke [side, x, y, x, y,
    ...]: a stroke's length is odd. The page's `lesson/marks.ts` does the same; tests/golden/
    lesson.json holds both to it.
    """
    return painted([_stroke(shape) for shape in shapes], size)


def _stroke(shape: Sequence[int]) -> Sequence[int]:
    """A shape as a stroke: a box is a square that is drawn along the box's longer side."""
    if len(shape) != _BOX:
        return shape
    x0, y0, x1, y1 = shape
    side, longer = sorted((x1 - x0, y1 - y0))
    starts = [*range(0, longer - side, side), longer - side]
    wide = x1 - x0 == longer
    corners = [(x0 + at, y0) if wide else (x0, y0 + at) for at in starts]
    return [side, *(edge + side // 2 for corner in corners for edge in corner)]


def read_shapes(given: Any, size: tuple[int, int], who: str) -> Shapes:
    """One box, or a list of boxes and strokes, that lie in a picture (height, width); anything else
    is refused on behalf of `who`, which takes a mask as well."""
    try:
        alone = len(given) == _BOX and all(np.ndim(edge) == 0 for edge in given)
        found = [[int(number) for number in shape] for shape in ([given] if alone else given)]
        fits = all(_lies_in(shape, size) for shape in found)
    except (TypeError, ValueError):
        fits = False
    if fits:
        return found
    height, width = size
    raise ExplainError(
        f"{who} takes a mask of shape {size}, or boxes (x0, y0, x1, y1) and strokes "
        f"[side, x, y, x, y, ...] that lie in the picture ({width}×{height} pixels); "
        f"{_said(given)} came."
    )


def _lies_in(shape: Sequence[int], size: tuple[int, int]) -> bool:
    height, width = size
    if len(shape) == _BOX:
        x0, y0, x1, y1 = shape
        return 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    side, *points = shape
    pairs = zip(points[::2], points[1::2], strict=True)
    inside = [0 <= x < width and 0 <= y < height for x, y in pairs]
    return side >= 1 and bool(inside) and all(inside)


def _said(given: Any) -> str:
    """What came, in short."""
    if hasattr(given, "shape"):
        return f"an array of shape {tuple(given.shape)}"
    words = repr(given)
    return words if len(words) < 80 else f"{words[:77]}..."
