"""Curves of removal: the score while more and more pixels are taken away, or brought back."""

from __future__ import annotations

import numpy as np
import torch

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .asking import on_scale
from .filling import Filling


def removal_scores(
    subject: Subject,
    target: BoundTarget,
    filling: Filling,
    places: np.ndarray,
    counts: np.ndarray,
    scale: str,
    *,
    insert: bool = False,
) -> np.ndarray:
    """Scores (inputs, steps) with the first `counts[k]` pixels of the order removed at step k.

    `places` (inputs, height, width) is each pixel's place in the order; with `insert` those pixels
    are all that is there. Rows of all inputs and steps share batches.
    """
    x = filling.x
    order = torch.as_tensor(places, device=x.device)
    steps = torch.as_tensor(counts, device=x.device)
    rows = torch.arange(len(x), device=x.device).repeat_interleave(len(counts))
    limits = steps.repeat(len(x))
    size = subject.batch_size(x, backward=False)
    found = []
    with torch.no_grad():
        for which, limit in zip(rows.split(size), limits.split(size), strict=True):
            gone = order[which] < limit[:, None, None]
            batch = filling(gone if insert else ~gone, which)
            found.append(on_scale(subject(batch), target, which, scale))
    return torch.cat(found).double().cpu().numpy().reshape(len(x), len(counts))


def shares(pixels: int, steps: int) -> np.ndarray:
    """How many pixels are gone after each of `steps` equal steps: steps + 1 whole numbers from 0 to
    all of them."""
    return np.round(np.linspace(0, pixels, steps + 1)).astype(np.int64)


def area(curve: np.ndarray) -> np.ndarray:
    """The area under curves (inputs, points) over 0...1, by trapezoids:
    (Σ − first/2 − last/2) ÷ (points − 1)."""
    return (curve.sum(1) - (curve[:, 0] + curve[:, -1]) / 2) / (curve.shape[1] - 1)
