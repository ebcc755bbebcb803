"""From local to global: what many linear explanations say together (SP-LIME, GALE, NormLIME).

Weights are (answers, features): the coefficient of each feature in each answer. Features have to
mean the same in every answer: columns of a table, or squares of a grid that is laid over pictures
that are alike; superpixels of one picture are no features of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xaiwidgets.core.answers import Heatmap, segments_of
from xaiwidgets.core.cells import Cells
from xaiwidgets.core.errors import ExplainError

Form = Literal["lime", "average", "homogeneity"]
_ALIKE = 1e-12  # entropies that differ by rounding


@dataclass(frozen=True)
class Pick:
    """The answers that were picked, in the order in which they were, the share of all importance
    that is covered after each, and every feature's `importance` √(Σ |w|)."""

    chosen: tuple[int, ...]
    covered: tuple[float, ...]
    importance: np.ndarray


def weights_of(answers: Heatmap | Sequence[Heatmap]) -> np.ndarray:
    """The weight of every feature in every answer (answers, features): of a table's columns, or of
    segments, from methods that cut pictures into such, as LIME(segmentation="squares") does.

    Raises ExplainError where features are not the same in every answer: pictures that were cut
    differently, tables with other columns, the words of texts.
    """
    rows: list[np.ndarray] = []
    features: Any = None
    for answer in [answers] if isinstance(answers, Heatmap) else answers:
        if not isinstance(answer, Heatmap):
            raise ExplainError(
                f"An answer is a {type(answer).__name__}; weights_of takes what a method gave, or "
                "a list of these."
            )
        for own, weights in _features(answer):
            features = own if features is None else features
            if not np.array_equal(own, features):
                raise ExplainError(
                    "The answers are about different columns, or cut their pictures into different "
                    "segments, which are not the same features; for pictures use "
                    "segmentation='squares'."
                )
            rows.append(weights)
    return _table(rows)


def _features(answer: Heatmap) -> Iterator[tuple[Any, np.ndarray]]:
    """What tells the features of each input of an answer, and their weights."""
    maps = answer.map()
    if answer.parts is not None:
        for parts, values in zip(answer.parts, maps, strict=True):
            if not isinstance(parts, Cells):
                raise ExplainError(
                    "A word of one text is no feature of another; only answers about tables and "
                    "pictures can be put together."
                )
            yield parts.names, values[0]
        return
    segments = segments_of(answer.frames)
    if segments is None:
        raise ExplainError(
            f"{answer.provenance.method} has no segments; LIME, KernelShap, ShapleySampling "
            "and FeatureAblation give weights that can be put together."
        )
    for labels, values in zip(segments.numpy(), maps, strict=True):
        flat = labels.ravel()
        yield labels, np.bincount(flat, values.ravel()) / np.bincount(flat)


def sp_lime(weights: Any, budget: int = 5) -> Pick:
    """The few answers that together show most of what matters (submodular pick, Ribeiro et al.
    2016): one after the other the answer that adds most importance of features not yet shown.

    An answer shows the features whose weight is not 0. Of answers that give all a weight, as LIME's
    do, keep the largest first, or the first that is picked shows everything.

    >>> least = np.sort(np.abs(weights), 1)[:, [-5]]
    >>> sp_lime(np.where(np.abs(weights) >= least, weights, 0), budget=3).chosen
    (2, 7, 0)
    """
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1:
        raise ExplainError(
            f"budget is {budget}; it takes how many answers to pick, a whole number."
        )
    shown = _table(weights) != 0
    importance = np.sqrt(np.abs(_table(weights)).sum(0))
    total, covered = max(importance.sum(), 1e-30), np.zeros(len(importance), dtype=bool)
    chosen: list[int] = []
    shares: list[float] = []
    for _ in range(min(budget, len(shown))):
        gains = (shown & ~covered) @ importance
        gains[chosen] = -1
        best = int(gains.argmax())
        chosen.append(best)
        covered |= shown[best]
        shares.append(float(importance[covered].sum() / total))
    return Pick(tuple(chosen), tuple(shares), importance)


def gale(weights: Any, classes: Any, form: Form = "homogeneity") -> np.ndarray:
    """How much each feature matters for each class (classes, features), from answers for inputs of
    these predicted `classes` (answers,), given by number (van der Linden et al. 2019).

    "lime" is √(Σ |w|) over a class's answers; "average" the mean |w| over those in which the
    feature has a weight; "homogeneity" the first times 1 − (H − min H) ÷ (max H − min H), where H
    is the entropy of the feature's share among the classes: what speaks for every class alike
    counts for nothing. The authors published no code; the formulas are those that others restate
    from the paper, "average" as InterpretDL computes it. Two cases that they leave open are decided
    here: a feature without any weight has no entropy, and takes no part in min and max; and where
    all entropies are equal every weight stays.
    """
    by_class = _by_class(weights, classes)
    importance = np.stack([np.sqrt(np.abs(part).sum(0)) for part in by_class])
    if form == "lime":
        return importance
    if form == "average":
        return np.stack([_mean_where_there(np.abs(part), part != 0) for part in by_class])
    if form != "homogeneity":
        raise ExplainError(f"form is {form!r}; it takes 'lime', 'average' or 'homogeneity'.")
    share = importance / np.maximum(importance.sum(0), 1e-30)
    entropy = -(share * np.log(np.maximum(share, 1e-30))).sum(0)
    used = importance.sum(0) > 0
    low, high = (entropy[used].min(), entropy[used].max()) if used.any() else (0.0, 0.0)
    if high - low <= _ALIKE:
        return importance
    return (1 - (entropy - low) / (high - low)) * importance


def normlime(weights: Any, classes: Any) -> np.ndarray:
    """How much each feature matters for each class (classes, features): the mean over a class's
    answers in which it has a weight of |w| · |w| ÷ Σ |w| (Ahern et al. 2019), so that a feature
    counts by its part of the answer."""
    found = []
    for part in _by_class(weights, classes):
        size = np.abs(part)
        norm = np.maximum(size.sum(1, keepdims=True), 1e-30)
        found.append(_mean_where_there(size * size / norm, part != 0))
    return np.stack(found)


def _mean_where_there(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    return (values * there).sum(0) / np.maximum(there.sum(0), 1)


def _by_class(weights: Any, classes: Any) -> list[np.ndarray]:
    """The answers of each class; classes are counted from 0."""
    table, numbers = _table(weights), np.asarray(classes)
    whole = np.issubdtype(numbers.dtype, np.integer)
    if numbers.shape != table.shape[:1] or not whole or numbers.min() < 0:
        raise ExplainError(
            f"The classes are {numbers.dtype} of shape {numbers.shape}; give one class number, "
            f"counted from 0, for each of the {len(table)} answers."
        )
    return [table[numbers == c] for c in range(int(numbers.max()) + 1)]


def _table(weights: Any) -> np.ndarray:
    try:
        table = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ExplainError(
            f"The weights are a {type(weights).__name__} that is no table of numbers; they have to "
            "be finite numbers (answers, features), as weights_of gives them."
        ) from None
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise ExplainError(
            f"The weights have shape {table.shape}; they have to be finite numbers (answers, "
            "features)."
        )
    return table
