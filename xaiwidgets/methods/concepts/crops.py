"""Concept examples cut out of pictures by masks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.preprocessing import as_image


def cut_out(pictures: Iterable[Any], masks: Iterable[Any], *, margin: float = 0.1) -> list[Any]:
    """Examples of a concept from pictures and masks (height, width) that are true where it lies:
    the box around each mask with a margin, a share of the box's longer side, as PIL images.

    Pictures whose mask is empty are left out. A Subject that takes them needs a `size`. Raises
    ExplainError for a mask of another size than its picture, and where every mask is empty.
    """
    if not isinstance(pictures, Iterable) or not isinstance(masks, Iterable):
        raise ExplainError(
            f"cut_out was given a {type(pictures).__name__} and a {type(masks).__name__}; it takes "
            "a list of pictures and a list of masks."
        )
    if not isinstance(margin, Real) or not 0 <= margin < math.inf:
        raise ExplainError(f"margin is {margin!r}; it takes a number from 0 on, such as 0.1.")
    given, marked, found = list(pictures), list(masks), []
    if len(given) != len(marked):
        raise ExplainError(f"{len(marked)} masks came for {len(given)} pictures; give each one.")
    for picture, mask in zip(given, marked, strict=True):
        image, inside = as_image(picture), np.asarray(mask, bool)
        if inside.shape != (image.height, image.width):
            raise ExplainError(
                f"A mask has shape {inside.shape} for a picture of {image.height} × {image.width} "
                "pixels; it takes (height, width) of its picture."
            )
        if inside.any():
            found.append(image.crop(_box(inside, margin)))
    if not found:
        raise ExplainError("Every mask is empty, so that nothing can be cut out.")
    return found


def _box(inside: np.ndarray, margin: float) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the true pixels with the margin, within the picture."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    more = round(margin * max(height, width))
    left, top = max(0, columns[0] - more), max(0, rows[0] - more)
    right = min(inside.shape[1], columns[-1] + 1 + more)
    bottom = min(inside.shape[0], rows[-1] + 1 + more)
    return int(left), int(top), int(right), int(bottom)
