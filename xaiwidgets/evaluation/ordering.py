"""The order in which pixels are removed: by what an explanation calls important."""

from __future__ import annotations

from typing import Any

import numpy as np

ORDERS = ("most first", "least first", "random")
ORDER_HELP = "remove what the map calls most important first (MoRF), least first (LeRF), or anyhow"

READINGS = ("signed", "absolute")
READING_HELP = (
    "how the map's sign is read: signed takes values against the class as the least important of "
    "all; absolute ranks by size alone, which suits plain gradients, whose sign says in which "
    "direction the score changes and not whether the pixel speaks for the class"
)


def read(maps: np.ndarray, reading: str) -> np.ndarray:
    """Maps as an order takes them: with their sign, or without."""
    return np.abs(maps) if reading == "absolute" else maps


def places(maps: np.ndarray, order: str = "most first", seed: int = 0) -> np.ndarray:
    """For every pixel its place in the order of removal, 0 first; shaped like maps (inputs,
    height, width).

    Ties are broken by a fixed shuffle, so that a map with large equal parts is not read row by row.
    """
    flat = maps.reshape(len(maps), -1)
    chance = np.random.Generator(np.random.PCG64(seed)).permutation(flat.shape[1])
    if order == "random":
        found = np.broadcast_to(chance, flat.shape).astype(np.int32)
    else:
        key = flat if order == "least first" else -flat
        ranked = chance[np.argsort(key[:, chance], axis=1, kind="stable")]
        found = np.empty(flat.shape, np.int32)
        np.put_along_axis(found, ranked, np.arange(flat.shape[1], dtype=np.int32)[None], 1)
    return found.reshape(maps.shape)


def block_side(side: int, x: Any) -> int:
    """A side given in pixels of a picture of 224, for inputs or maps (..., height, width)."""
    return max(1, round(side * min(x.shape[-2:]) / 224))


def blocks(x: Any, side: int) -> np.ndarray:
    """Every pixel's number of the block of side × side that it lies in, counted from the upper
    left (height, width), for inputs or maps (..., height, width); blocks at the right and lower
    edge may be cut."""
    height, width = x.shape[-2:]
    rows, columns = np.arange(height) // side, np.arange(width) // side
    return rows[:, None] * (columns[-1] + 1) + columns[None]


def block_counts(x: Any, side: int) -> np.ndarray:
    """How many blocks are gone at each step: 0, 1, 2 ... all of inputs or maps (..., height,
    width)."""
    return np.arange(int(blocks(x, side)[-1, -1]) + 2)


def block_places(
    maps: np.ndarray, side: int, reading: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks by their means, the most important first: the means (inputs, blocks, 1), for every
    pixel its block's place in the order (inputs, height, width), and block_counts."""
    numbers = blocks(maps, side)
    sums = np.stack([np.bincount(numbers.ravel(), one.ravel()) for one in maps])
    means = read(sums / np.bincount(numbers.ravel()), reading)[:, :, None]
    order = places(means, "most first", seed)[:, :, 0]
    return means, order[:, numbers], block_counts(maps, side)


def one_valued(maps: np.ndarray) -> np.ndarray:
    """Whether each map is one value throughout, up to rounding: it orders nothing."""
    every = tuple(range(1, maps.ndim))
    low, high = maps.min(every), maps.max(every)
    return high - low <= 1e-9 * np.maximum(np.abs(low), np.abs(high))


def without_order(values: np.ndarray, maps: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Values with NaN where the map orders nothing, and the sentence that says so."""
    nothing = one_valued(maps)
    if not nothing.any():
        return values, []
    who = f"{int(nothing.sum())} of {len(maps)} maps are" if len(maps) > 1 else "The map is"
    said = f"{who} one value throughout and give no order of pixels: no score (NaN)."
    return np.where(nothing, np.nan, values), [said]
