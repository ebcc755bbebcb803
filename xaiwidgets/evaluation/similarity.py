"""How alike two maps are: rank correlation, SSIM, correlation of edges, shared top pixels.

Each takes two batches of maps, (inputs, height, width) or with channels (inputs, channels, height,
width), and returns one number an input, NaN where a map is constant: what says nothing about any
pixel resembles nothing. Maps are prepared as in Adebayo et al. (2018).

Rank correlation, correlation of edges and plain correlation are all inner products of unit vectors,
`spearman(a, b) == inner(ranks(a), ranks(b))`: who compares one map with many makes its vector once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError

SIMILARITIES = ("spearman", "signed spearman", "ssim", "hog", "pearson", "top pixels")
SIMILARITY_HELP = (
    "rank correlation of the sizes, or with signs; structural similarity; correlation of the maps' "
    "edges (HOG); correlation of the values; or the share of the top tenth that both have"
)


def similarity(name: str, a: Any, b: Any) -> np.ndarray:
    """One of SIMILARITIES by its name: one number an input, 1 for equal maps."""
    known = {
        "spearman": spearman,
        "signed spearman": lambda a, b: spearman(a, b, absolute=False),
        "ssim": ssim,
        "hog": hog_pearson,
        "pearson": pearson,
        "top pixels": top_k,
    }
    return known[name](a, b)


def likeness_to(name: str, a: Any) -> Callable[[Any], np.ndarray]:
    """The similarity to `a` as a function of the other batch; what can be prepared once is."""
    prepare = _PREPARED.get(name)
    if prepare is None:
        return lambda b: similarity(name, a, b)
    ready = prepare(a)

    def alike(b: Any) -> np.ndarray:
        _check(a, b)
        return inner(ready, prepare(b))

    return alike


def pairwise(name: str, maps: Sequence[Any]) -> np.ndarray:
    """The similarity of every two of several batches of maps, (batches, batches, inputs). What can
    be prepared once for each batch is."""
    count = len(maps)
    found = np.ones((count, count, len(maps[0])))
    prepare = _PREPARED.get(name)
    ready = [prepare(each) for each in maps] if prepare else list(maps)
    for i in range(count):
        found[i, i, ~_known(np.asarray(maps[i]))] = np.nan
        for j in range(i):
            alike = inner(ready[i], ready[j]) if prepare else similarity(name, maps[i], maps[j])
            found[i, j] = found[j, i] = alike
    return found


def spearman(a: Any, b: Any, absolute: bool = True) -> np.ndarray:
    """Rank correlation of absolute maps, or of signed maps: −1...1, ties share their mean rank."""
    _check(a, b)
    return inner(ranks(a, absolute), ranks(b, absolute))


def ssim(a: Any, b: Any) -> np.ndarray:
    """Structural similarity of maps scaled to 0...1, Gaussian weights with σ = 1.5 (smaller below
    11 pixels), `data_range=1`; channels are compared one by one and averaged.

    Two maps that are flat nearly everywhere are alike by this measure, whatever the rest shows.
    """
    from skimage.metrics import structural_similarity

    _check(a, b)
    a, b = unit_map(a), unit_map(b)
    side = min(a.shape[-2:])
    sigma = min(1.5, (side - 1) // 2 / 3.5)  # SciPy's window reaches 3.5 σ to either side
    if sigma <= 0:
        raise ExplainError(f"SSIM takes maps of at least 3 × 3 pixels; these are {a.shape[-2:]}.")
    found = np.full(len(a), np.nan)
    for i in np.flatnonzero(_known(a) & _known(b)):
        found[i] = structural_similarity(
            a[i], b[i], gaussian_weights=True, sigma=sigma, data_range=1.0,
            channel_axis=0 if a[i].ndim == 3 else None,
        )  # fmt: skip
    return found


def hog_pearson(a: Any, b: Any) -> np.ndarray:
    """Correlation of histograms of oriented gradients: Pearson, as the paper's text has it."""
    _check(a, b)
    return inner(edges(a), edges(b))


def pearson(a: Any, b: Any) -> np.ndarray:
    """Correlation of the values as they are."""
    _check(a, b)
    return inner(centred(a), centred(b))


def top_k(a: Any, b: Any, share: float = 0.1, absolute: bool = True) -> np.ndarray:
    """Of the pixels in the top `share` of one map, how many are in the top of the other: 0...1, by
    chance `share`."""
    from .ordering import places

    _check(a, b)
    folded = [_absolute(each) if absolute else _folded(each) for each in (a, b)]
    count = max(1, round(share * folded[0][0].size))
    first, second = (places(each) < count for each in folded)
    shared = (first & second).sum((1, 2)) / count
    return np.where(_known(folded[0]) & _known(folded[1]), shared, np.nan)


# --- what is compared ---------------------------------------------------------------------------


def absolute_map(maps: Any) -> np.ndarray:
    """clip((s − min s) ÷ (P99(s) − min s), 0, 1) of s = Σ|R| over channels; of a map whose 99th
    percentile is its minimum, the maximum takes its place."""
    s = _absolute(maps)
    low, high = (s.min((1, 2), keepdims=True), np.percentile(s, 99, (1, 2), keepdims=True))
    high = np.where(high > low, high, s.max((1, 2), keepdims=True))
    return np.clip(_divided(s - low, high - low), 0, 1)


def signed_map(maps: Any) -> np.ndarray:
    """clip((s + v) ÷ 2v, −1, 1) of s = Σ R over channels, v = |P99(s)|: 0 becomes 1/2. Where that
    percentile is 0, v is the largest size."""
    s = _folded(maps)
    v = np.abs(np.percentile(s, 99, (1, 2), keepdims=True))
    v = np.where(v > 0, v, np.abs(s).max((1, 2), keepdims=True))
    return np.clip(_divided(s + v, 2 * v), -1, 1)


def unit_map(maps: Any) -> np.ndarray:
    """(R − min R) ÷ (max R − min R), with the channels as they are."""
    maps = np.asarray(maps, dtype=np.float64)
    axes = tuple(range(1, maps.ndim))
    low, high = maps.min(axes, keepdims=True), maps.max(axes, keepdims=True)
    return _divided(maps - low, high - low)


def ranks(maps: Any, absolute: bool = True) -> np.ndarray:
    """The pixels' ranks (inputs, pixels), centred and of length 1; NaN for a constant map."""
    prepared = absolute_map(maps) if absolute else signed_map(maps)
    return _unit(np.stack([_mean_ranks(row) for row in prepared.reshape(len(prepared), -1)]))


def edges(maps: Any) -> np.ndarray:
    """Histograms of oriented gradients (inputs, numbers) of maps scaled to 0...1, centred and of
    length 1; NaN for a constant map.

    Nine directions, blocks of 3 × 3 cells; a cell has 16 pixels a side in a picture of 224, and in
    a smaller picture as many fewer.
    """
    from skimage.feature import hog

    prepared = unit_map(_folded(maps))
    side = min(prepared.shape[-2:])
    cell = max(1, min(16, round(16 * side / 224)))
    if side < 3 * cell:
        raise ExplainError(
            f"HOG takes maps of at least 3 × 3 pixels; these are {prepared.shape[-2:]}."
        )
    found = np.stack([hog(each, pixels_per_cell=(cell, cell)) for each in prepared])
    found[~_known(prepared)] = np.nan
    return _unit(found)


def centred(maps: Any) -> np.ndarray:
    """The values (inputs, numbers), centred and of length 1; NaN for a constant map."""
    return _unit(_rows(maps))


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products (inputs,) of the rows of two batches of unit vectors."""
    return (a * b).sum(1)  # row by row: einsum's last bit depends on the batch


# --- inside -------------------------------------------------------------------------------------


def _folded(maps: Any) -> np.ndarray:
    maps = np.asarray(maps, dtype=np.float64)
    return maps.sum(1) if maps.ndim == 4 else maps


def _absolute(maps: Any) -> np.ndarray:
    return _folded(np.abs(np.asarray(maps, dtype=np.float64)))


def _rows(maps: Any) -> np.ndarray:
    maps = np.asarray(maps, dtype=np.float64)
    return maps.reshape(len(maps), -1)


def _mean_ranks(row: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share their mean rank. SciPy's take five times as long, more than
    an explanation of a small network."""
    order = row.argsort()
    rising = row[order]
    first = np.flatnonzero(np.concatenate([[True], rising[1:] != rising[:-1]]))
    count = np.diff(first, append=len(row))
    found = np.empty(len(row))
    found[order] = np.repeat(first + (count + 1) / 2, count)
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    """Every row centred and divided by its length; NaN where nothing varies."""
    known = _known(rows)
    off = rows - rows.mean(1, keepdims=True)
    return _divided(off, np.where(known, np.sqrt(inner(off, off)), np.nan)[:, None])


def _known(maps: np.ndarray) -> np.ndarray:
    """Which maps are not constant."""
    rows = maps.reshape(len(maps), -1)
    return rows.max(1) > rows.min(1)


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient; 0 where nothing is divided by nothing."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def _check(a: Any, b: Any) -> None:
    if np.shape(a) != np.shape(b) or np.ndim(a) not in (3, 4):
        raise ExplainError(
            f"The maps have shapes {np.shape(a)} and {np.shape(b)}; two batches of maps are "
            "compared, both (inputs, height, width) or (inputs, channels, height, width)."
        )


_PREPARED: dict[str, Callable[[Any], np.ndarray]] = {
    "spearman": ranks,
    "signed spearman": functools.partial(ranks, absolute=False),
    "hog": edges,
    "pearson": centred,
}
