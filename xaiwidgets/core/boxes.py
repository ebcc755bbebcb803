"""Boxes around what a map calls important."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import find_objects, label

Box = tuple[slice, ...]


def main_box(values: np.ndarray, fraction: float) -> Box:
    """The box around the largest patch of what reaches `fraction` of the (positive) maximum of a
    map (height, width), or of a volume (depth, height, width)."""
    return box(largest_patch(values >= fraction * values.max()))


def largest_patch(kept: np.ndarray) -> np.ndarray:
    """The largest connected patch of a boolean map (height, width); corners touch."""
    patches, _ = label(kept, structure=np.ones((3,) * kept.ndim))
    sizes = np.bincount(patches.ravel())
    sizes[0] = 0
    return patches == sizes.argmax()


def box(mask: np.ndarray) -> Box:
    """Rows and columns of the tight box around what is true in a boolean map (height, width)."""
    found: Box = find_objects(mask.astype(np.int8))[0]
    return found


def edges(a: Box) -> tuple[int, ...]:
    """(top, left, bottom, right) of a box, the last half just outside."""
    return *(part.start for part in a), *(part.stop for part in a)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0, min(p.stop, q.stop) - max(p.start, q.start)) for p, q in zip(a, b, strict=True)]
    shared = math.prod(sides)
    return shared / (_area(a) + _area(b) - shared)


def _area(a: Box) -> int:
    return math.prod(part.stop - part.start for part in a)
