"""A layer seen along other axes: random rotations of its units."""

from __future__ import annotations

import functools

import numpy as np
import torch


@functools.lru_cache(maxsize=32)
def rotation(units: int, seed: int, number: int) -> np.ndarray:
    """A random orthogonal matrix (units, units), the same for a seed and number everywhere; all
    are equally likely (Haar)."""
    rng = np.random.default_rng([seed, number, units])
    q, r = np.linalg.qr(rng.standard_normal((units, units)))
    return q * np.sign(np.diag(r))


def turned(maps: torch.Tensor, seed: int, number: int) -> torch.Tensor:
    """Maps (n, units, h, w) of units that look along random directions instead of their own."""
    matrix = torch.from_numpy(rotation(maps.shape[1], seed, number)).to(maps)
    return (matrix @ maps.flatten(2)).view_as(maps)


def turned_name(layer: str, number: int) -> str:
    """What a layer is called that is looked at along other axes."""
    return f"{layer}, rotation {number}" if number else layer
