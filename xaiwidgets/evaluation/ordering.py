"""The order in which pixels are removed: by what an explanation calls important."""

from __future__ import annotations

import numpy as np

ORDERS = ("most first", "least first", "random")
ORDER_HELP = "remove what the map calls most important first (MoRF), least first (LeRF), or anyhow"


def places(maps: np.ndarray, order: str = "most first", seed: int = 0) -> np.ndarray:
    """For every pixel its place in the order of removal, 0 first; shaped like maps (inputs,
    height, width).

    Ties are broken by a fixed shuffle, so that a map with large equal parts is not read row by row.
    """
    flat = maps.reshape(len(maps), -1)
    chance = np.random.Generator(np.random.PCG64(seed)).permutation(flat.shape[1])
    if order == "random":
        found = np.broadcast_to(chance, flat.shape).copy()
    else:
        key = flat if order == "least first" else -flat
        ranked = chance[np.argsort(key[:, chance], axis=1, kind="stable")]
        found = np.empty_like(ranked)
        np.put_along_axis(found, ranked, np.arange(flat.shape[1])[None], 1)
    return found.reshape(maps.shape)


def in_blocks(maps: np.ndarray, side: int) -> np.ndarray:
    """Every pixel's value replaced by the mean of its block of side × side, from the upper left."""
    _, height, width = maps.shape
    rows, columns = np.arange(height) // side, np.arange(width) // side
    block = rows[:, None] * (columns[-1] + 1) + columns[None]
    sizes = np.bincount(block.ravel())
    sums = np.stack([np.bincount(block.ravel(), one.ravel()) for one in maps])
    return (sums / sizes)[:, block]
