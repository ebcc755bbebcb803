"""What a reader marked in a picture: boxes and strokes of a brush, and the pixels they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError

from .brush import painted, strokes_of
from .given import checked_region, checked_strokes

Shapes = list[list[int]]
_EDGES = ("x0", "y0", "x1", "y1")


def marked(shapes: Sequence[Sequence[int]], size: tuple[int, int]) -> np.ndarray:
    """The pixels (height, width) that shapes cover, as bool.

    A shape is a box [x0, y0, x1, y1], the last two just outside, or a stroke [side, x, y, x, y,
    ...]: a stroke's length is odd. The page's `lesson/marks.ts` does the same; tests/golden/
    lesson.json holds both to it.
    """
    return painted([_stroke(shape) for shape in shapes], size)


def _stroke(shape: Sequence[int]) -> Sequence[int]:
    """A shape as a stroke: a box is a square that is drawn along the box's longer side."""
    if len(shape) != len(_EDGES):
        return shape
    x0, y0, x1, y1 = shape
    side, longer = sorted((x1 - x0, y1 - y0))
    starts = [*range(0, longer - side, side), longer - side]
    wide = x1 - x0 == longer
    corners = [(x0 + at, y0) if wide else (x0, y0 + at) for at in starts]
    return [side, *(edge + side // 2 for corner in corners for edge in corner)]


def read_mark(mark: Any, size: tuple[int, int]) -> Shapes:
    """What somebody hands over as a mark, as shapes: an array (height, width) that is true inside,
    one box, or a list of boxes and strokes."""
    if mark is None:
        return []
    if hasattr(mark, "shape") and len(mark.shape) == 2 and tuple(mark.shape) == size:
        return strokes_of(np.asarray(mark))
    try:
        alone = len(mark) == len(_EDGES) and all(np.ndim(edge) == 0 for edge in mark)
        return [_checked(shape, size) for shape in ([mark] if alone else mark)]
    except (TypeError, ValueError, ExplainError):
        height, width = size
        raise ExplainError(
            f"A mark takes a mask of shape {size}, or boxes (x0, y0, x1, y1) and strokes "
            f"[side, x, y, x, y, ...] that lie in the picture ({width}×{height} pixels); "
            f"{_said(mark)} came."
        ) from None


def _checked(shape: Sequence[Any], size: tuple[int, int]) -> list[int]:
    numbers = [int(number) for number in shape]
    if len(numbers) == len(_EDGES):
        return list(checked_region(dict(zip(_EDGES, numbers, strict=True)), size).values())  # type: ignore[arg-type]
    return checked_strokes([numbers], size, "A mark")[0]


def _said(mark: Any) -> str:
    """What came, in short."""
    if hasattr(mark, "shape"):
        return f"an array of shape {tuple(mark.shape)}"
    words = repr(mark)
    return words if len(words) < 80 else f"{words[:77]}..."


def by_picture(given: Any, count: int, what: str) -> dict[int, Any]:
    """What was given for each picture, by its number: of one picture the thing itself; of several a
    list with None for those left out; of any a dict by number."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        found = {int(index): one for index, one in given.items()}
    elif count == 1:
        found = {0: given}
    else:
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != count:
            raise ExplainError(
                f"{what} takes a dict by the number of the picture, such as {{0: ...}}, or a list "
                f"with one entry for each of the {count} pictures, None where there is none."
            )
        found = dict(enumerate(given))
    outside = [index for index in found if not 0 <= index < count]
    if outside:
        raise ExplainError(
            f"{what} is given for picture {outside[0]}; there are {count}, counted from 0."
        )
    return {index: one for index, one in found.items() if one is not None}
