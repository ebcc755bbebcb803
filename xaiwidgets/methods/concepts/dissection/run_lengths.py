"""COCO's ways of writing a mask: polygons, run lengths, and run lengths as a string."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError


def coco_mask(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """A mask (height, width) from polygons [[x, y, x, y, ...], ...] or {"counts", "size"}.

    A polygon takes the pixels whose centres lie inside of it; COCO's own tools draw on a grid five
    times as fine, and differ at the border by a pixel now and then.
    """
    if isinstance(segmentation, dict):
        counts, own = segmentation["counts"], tuple(segmentation["size"])
        runs = _runs(counts) if isinstance(counts, (str, bytes)) else counts
        if sum(runs) != own[0] * own[1]:
            raise ExplainError(
                f"Run lengths of {sum(runs)} pixels came for a mask of {own[0]} × {own[1]}; the "
                "annotation is damaged."
            )
        values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        return values.reshape(own[::-1]).T
    return _filled(segmentation, size)


def _runs(text: str | bytes) -> list[int]:
    """Run lengths from a string: five bits a character, the lowest first, and from the third on
    the difference to the run before the last."""
    written = text.encode() if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for character in written:
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def _filled(polygons: Any, size: tuple[int, int]) -> np.ndarray:
    from skimage.draw import polygon2mask

    found = np.zeros(size, bool)
    for corners in polygons:
        points = np.asarray(corners, np.float64).reshape(-1, 2)[:, ::-1] - 0.5
        found |= polygon2mask(size, points)
    return found
