"""Explanations of pictures near a picture, and how far they are from the one of the picture."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch

from xaiwidgets.core.baselines import uniform
from xaiwidgets.core.evaluation import Case, Graded

Nearby = Callable[[int], torch.Tensor]
"""From a sample's number to the inputs moved by it, shaped like the inputs."""


def noisy(x: torch.Tensor, radius: float, seed: int) -> Nearby:
    """x + ε, ε ~ U[−r, r] with r = `radius` × each picture's own range; every input sees the same
    draw."""
    reach = radius * span(x)
    return lambda sample: torch.addcmul(x, reach, 2 * uniform(x[0], seed, sample) - 1)


def span(x: torch.Tensor) -> torch.Tensor:
    """Every picture's range, max − min over its pixels and channels, (inputs, 1, 1, 1)."""
    every = tuple(range(1, x.ndim))
    return x.amax(every, keepdim=True) - x.amin(every, keepdim=True)


def distances(case: Case, count: int, nearby: Nearby) -> tuple[np.ndarray, np.ndarray]:
    """‖R(x′) − R(x)‖ and ‖x′ − x‖, both (inputs, count), Euclidean over pixels and channels.

    Rows of all inputs and samples share batches; no more than one batch of pictures is kept.
    """
    before, total = case.values, len(case)
    size = case.subject.batch_size(case.x)
    asked = case.asked_for(count * total)
    remembered = functools.lru_cache(maxsize=2)(nearby)
    of_maps, of_pictures = (np.zeros((count, total)) for _ in range(2))
    numbers = torch.arange(count * total)
    for part in numbers.split(size):
        rows = part % total
        samples = torch.unique(part // total).tolist()
        moved = torch.cat([remembered(s)[rows[part // total == s]] for s in samples])
        values = case.explain(moved, rows=rows, subject=asked)
        of_maps.flat[part.numpy()] = _lengths(values - before[rows])
        of_pictures.flat[part.numpy()] = _lengths(moved - case.x[rows.to(case.x.device)])
    return of_maps.T, of_pictures.T


def lengths(values: torch.Tensor) -> np.ndarray:
    """‖R(x)‖ (inputs,), NaN for a map that is the same everywhere."""
    flat = values.flatten(1)
    return np.where((flat.amax(1) > flat.amin(1)).numpy(), _lengths(values), np.nan)


def said(case: Case, found: Graded, moved: np.ndarray) -> Graded:
    """The same with a word on maps that are constant, or that nothing moves."""
    flat = np.isnan(found.values).sum()
    if flat:
        found.warnings.append(f"For {flat} of {len(case)} inputs the map is constant: no score.")
    if not moved.any():
        found.warnings.append(
            "The map did not change at all: an explanation that never looks at the "
            f"{case.subject.words.whole} is as stable as can be."
        )
    return found


def _lengths(values: torch.Tensor) -> np.ndarray:
    found = torch.linalg.vector_norm(values.flatten(1), dim=1, dtype=torch.float64)
    return found.cpu().numpy()
