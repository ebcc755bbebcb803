"""How alike units are: the correlation of their activations over all inputs and positions."""

from __future__ import annotations

import numpy as np
import torch


class Moments:
    """Sums over a stream of activations, from which mean, spread and correlation are made."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = self.products = torch.empty(0)

    def add(self, values: torch.Tensor) -> None:
        """Add up a batch's activations (units, positions)."""
        products, sums = (values @ values.T).double(), values.sum(1).double()
        fresh = self.count == 0
        self.count += values.shape[1]
        self.sums = sums if fresh else self.sums + sums
        self.products = products if fresh else self.products + products

    @property
    def mean(self) -> np.ndarray:
        """(units,)"""
        return (self.sums / self.count).cpu().numpy()

    @property
    def covariance(self) -> np.ndarray:
        """(units, units)"""
        mean = self.mean
        return (self.products / self.count).cpu().numpy() - np.outer(mean, mean)


def correlation(covariance: np.ndarray) -> np.ndarray:
    """From covariances (units, units) their correlations, NaN for units that never change."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    # what a float32 product of a constant leaves behind is no spread
    floor = 1e-6 * (spread.max(initial=0.0) or 1.0)
    spread = np.where(spread > floor, spread, np.nan)
    return np.clip(covariance / np.outer(spread, spread), -1, 1)


def places(similar: np.ndarray) -> np.ndarray:
    """Units as points of a plane (units, 2) whose distances follow √(2 (1 − r)) as well as two
    dimensions can (classical scaling); NaN for units that never change."""
    found = np.full((len(similar), 2), np.nan)
    known = np.flatnonzero(np.isfinite(np.diag(similar)))
    if len(known) < 3:
        found[known] = 0.0
        return found
    inner = similar[np.ix_(known, known)]  # 1 − d²/2
    centred = inner - inner.mean(0) - inner.mean(1)[:, None] + inner.mean()
    values, vectors = np.linalg.eigh(centred)
    axes = vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0))
    signs = np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    found[known] = axes * np.where(signs == 0, 1, signs)
    return found


def order(similar: np.ndarray) -> np.ndarray:
    """The units in an order that puts like beside like (average linkage); silent ones last."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    alive = np.isfinite(np.diag(similar))
    known = np.flatnonzero(alive)
    if len(known) > 2:
        apart = 1 - similar[np.ix_(known, known)]
        np.fill_diagonal(apart, 0)
        tree = linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
        known = known[leaves_list(tree)]
    return np.concatenate([known, np.flatnonzero(~alive)])
