"""Curves of removal: the score while more and more pixels are taken away, or brought back."""

from __future__ import annotations

import numpy as np
import torch

from xaiwidgets.core.filling import Filling
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .asking import on_scale


def removal_scores(
    subject: Subject,
    target: BoundTarget,
    filling: Filling,
    places: np.ndarray,
    counts: np.ndarray,
    scale: str,
    *,
    insert: bool = False,
    fresh: bool = False,
) -> np.ndarray:
    """Scores (orders, steps) with the first `counts[k]` pixels of an order removed at step k.

    `places` (orders, height, width) is each pixel's place in the order: one order an input, or all
    inputs once more for every further order. With `insert` those pixels are all that is there; with
    `fresh` each further order has noise of its own. Rows of all orders and steps share batches.
    """
    x = filling.x
    order = torch.as_tensor(places, device=x.device)
    whose = torch.arange(len(order), device=x.device).repeat_interleave(len(counts))
    limits = torch.as_tensor(counts, device=x.device).repeat(len(order))
    size = subject.batch_size(x, backward=False)
    asked = subject.quick(x, len(whose))
    found = []
    with torch.no_grad():
        for which, limit in zip(whose.split(size), limits.split(size), strict=True):
            gone = order[which] < limit[:, None, None]
            rows, draws = which % len(x), which // len(x) if fresh else None
            batch = filling(gone if insert else ~gone, rows, draws)
            found.append(on_scale(asked(batch), target, rows, scale))
    scores = torch.cat(found) if found else x.new_zeros(0)
    return scores.double().cpu().numpy().reshape(len(order), len(counts))


def several(
    subject: Subject,
    target: BoundTarget,
    filling: Filling,
    orders: list[np.ndarray],
    counts: np.ndarray,
    scale: str,
    *,
    insert: bool = False,
) -> list[np.ndarray]:
    """Curves (inputs, steps) of several orders of the same inputs. Their ends, nothing removed and
    everything, are the same for all and asked for once: steps + (orders − 1) · (steps − 2) rows an
    input."""
    first = removal_scores(subject, target, filling, orders[0], counts, scale, insert=insert)
    rest = np.concatenate(orders[1:]) if orders[1:] else orders[0][:0]
    between = removal_scores(subject, target, filling, rest, counts[1:-1], scale, insert=insert)
    ends = first[:, :1], first[:, -1:]
    inner = np.split(between, len(orders) - 1) if orders[1:] else []
    return [first, *(np.concatenate([ends[0], one, ends[1]], 1) for one in inner)]


def shares(pixels: int, steps: int) -> np.ndarray:
    """How many pixels are gone after each of `steps` equal steps: steps + 1 whole numbers from 0 to
    all of them."""
    return np.round(np.linspace(0, pixels, steps + 1)).astype(np.int64)


def area(curve: np.ndarray) -> np.ndarray:
    """The area under curves (inputs, points) over 0...1, by trapezoids:
    (Σ − first/2 − last/2) ÷ (points − 1)."""
    return (curve.sum(1) - (curve[:, 0] + curve[:, -1]) / 2) / (curve.shape[1] - 1)
