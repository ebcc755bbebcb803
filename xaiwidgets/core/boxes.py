"""Boxes around what a map calls important."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects, label

Box = tuple[slice, slice]


def main_box(values: np.ndarray, fraction: float) -> Box:
    """The box around the largest patch of what reaches `fraction` of the (positive) maximum of a
    map (height, width)."""
    return box(largest_patch(values >= fraction * values.max()))


def largest_patch(kept: np.ndarray) -> np.ndarray:
    """The largest connected patch of a boolean map (height, width); corners touch."""
    patches, _ = label(kept, structure=np.ones((3, 3)))
    sizes = np.bincount(patches.ravel())
    sizes[0] = 0
    return patches == sizes.argmax()


def box(mask: np.ndarray) -> Box:
    """Rows and columns of the tight box around what is true in a boolean map (height, width)."""
    found: Box = find_objects(mask.astype(np.int8))[0]
    return found


def edges(a: Box) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a box, the last two just outside."""
    return a[0].start, a[1].start, a[0].stop, a[1].stop


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0, min(p.stop, q.stop) - max(p.start, q.start)) for p, q in zip(a, b, strict=True)]
    shared = sides[0] * sides[1]
    return shared / (_area(a) + _area(b) - shared)


def _area(a: Box) -> int:
    return int((a[0].stop - a[0].start) * (a[1].stop - a[1].start))
