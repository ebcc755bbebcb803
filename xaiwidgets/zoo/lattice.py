"""The fixed-point plane that ShapeScenes are drawn on, and the numbers they are drawn from.

The picture's side is 4096 units whatever its size in pixels, so that a scene looks the same at
64 and at 128 pixels. Whole numbers all the way: rounding is the same on every platform, and so
are the bytes of every picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]
"""Whole numbers per pixel: a column (height, 1), a row (1, width) or a full (height, width)."""

Flags = NDArray[np.bool_]
"""True or false per pixel, of shape (height, width)."""

UNIT = 4096
"""Side of every picture, in fixed-point units."""

NOISE = 64
"""Cells along a side of the lattice that grainy things are drawn from."""

_FACTORS = 64  # numbers set aside per picture for its factors; the noise comes after them
_CELL = UNIT // NOISE


@lru_cache(maxsize=16)
def plane(size: int) -> tuple[Units, Units]:
    """The x (1, size) and y (size, 1) of every pixel's centre, in units."""
    centres = (2 * np.arange(size, dtype=np.int64) + 1) * UNIT // (2 * size)
    centres.setflags(write=False)
    return centres[None, :], centres[:, None]


def numbers(seed: int, index: int) -> tuple[list[int], Units]:
    """The random numbers of one picture: 64 whole numbers, and a 64 x 64 lattice of 0..255.

    They depend on ``(seed, index)`` alone. Only the raw stream of Philox is used, which NumPy
    keeps the same between versions, as it does not promise for its distributions.
    """
    stream = np.random.Philox(key=np.array([seed, index], dtype=np.uint64))
    raw = np.asarray(stream.random_raw(_FACTORS + NOISE * NOISE // 8), dtype="<u8")
    noise = raw[_FACTORS:].view(np.uint8).astype(np.int64).reshape(NOISE, NOISE)
    return raw[:_FACTORS].tolist(), noise


def between(draws: Iterator[int], low: int, high: int) -> int:
    """The next draw, brought to ``low..high``, both included."""
    return low + next(draws) % (high - low + 1)


def spread(noise: Units, x: Units, y: Units) -> Units:
    """The noise lattice laid over the picture, one value per pixel."""
    return noise[y // _CELL, x // _CELL]


def zigzag(position: Units, period: int) -> Units:
    """A triangle wave that runs 0..256..0 once per period."""
    return abs(position % period * 512 // period - 256)


def hashed(cells: Units, salt: int) -> Units:
    """A scrambled 0..255 for each whole number, for things that vary from cell to cell."""
    return (cells * 2654435761 + salt % 65536 * 40503) % (1 << 32) >> 24
