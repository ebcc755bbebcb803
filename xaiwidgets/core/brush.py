"""What a brush painted: strokes as they travel, and the pixels that they cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def painted(strokes: Sequence[Sequence[int]], shape: tuple[int, int]) -> np.ndarray:
    """The covered pixels (height, width), as bool.

    A stroke is [side, x, y, x, y, ...]: squares of `side` pixels around each point, from
    x − ⌊side/2⌋ on. The page's `masking/brush.ts` does the same; tests/golden/brush.json holds both
    to it.
    """
    found = np.zeros(shape, bool)
    for side, *points in strokes:
        for x, y in zip(points[::2], points[1::2], strict=True):
            left, top = x - side // 2, y - side // 2
            found[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = True
    return found


def strokes_of(mask: np.ndarray) -> list[list[int]]:
    """A mask (height, width) as strokes, by halving squares until each is of one kind."""
    by_side: dict[int, list[int]] = {}

    def cut(top: int, left: int, side: int) -> None:
        part = mask[top : top + side, left : left + side]
        if not part.any():
            return
        if part.shape == (side, side) and part.all():
            by_side.setdefault(side, []).extend((left + side // 2, top + side // 2))
            return
        half = side // 2
        for y in (top, top + half):
            for x in (left, left + half):
                cut(y, x, half)

    cut(0, 0, 1 << (max(mask.shape) - 1).bit_length())
    return [[side, *points] for side, points in by_side.items()]
