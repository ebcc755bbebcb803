"""Linear classifiers between two sets, solved among the examples instead of the features.

A linear classifier's vector is a sum of its examples' activations, v = Σ αᵢ aᵢ, and whatever is
asked of it (its length, its products with activations and gradients) follows from inner products.
So with K = A Aᵀ known, every pair of sets is a problem as small as the pair: ridge and the mean
difference in closed form, logistic regression and the linear SVM on the rows of U√S, where
K = U S Uᵀ. Those are the activations themselves, turned by an exact rotation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from xaiwidgets.core.errors import ExplainError

CLASSIFIERS = ("ridge", "mean difference", "logistic regression", "linear SVM")
_NOISE = 1e-12  # directions of less than this share of the largest are rounding errors


class Separation(NamedTuple):
    """v = Σ αᵢ aᵢ over the training examples; an example with inner products k is on the concept's
    side where k·α + bias > 0."""

    alpha: np.ndarray
    bias: float


def separate(
    classifier: str, K: np.ndarray, y: np.ndarray, penalty: float, seed: int
) -> Separation:
    """Tell examples with y = 1 from those with y = −1, given their inner products (n, n).

    `penalty` is ridge's, as a share of the examples' mean squared distance from their centre.
    """
    if classifier == "ridge":
        return _ridge(K, y, penalty)
    if classifier == "mean difference":
        return _mean_difference(K, y)
    return _rotated(_sklearn(classifier, seed), K, y)


def _ridge(K: np.ndarray, y: np.ndarray, penalty: float) -> Separation:
    """min |y − (A − ā) v − ȳ|² + λ |v|²: α = C (C K C + λ)⁻¹ C y with C taking means away."""
    rows = K.mean(0)
    centred = K - rows[:, None] - rows[None] + rows.mean()
    strength = penalty * np.trace(centred) / len(y)
    if strength <= 0:
        return Separation(np.zeros(len(y)), 0.0)
    alpha = np.linalg.solve(centred + strength * np.eye(len(y)), y - y.mean())
    return Separation(alpha, float(y.mean() - rows @ alpha))


def _mean_difference(K: np.ndarray, y: np.ndarray) -> Separation:
    """v = mean of the concept − mean of the others, the border half way between."""
    first, second = (y > 0) / (y > 0).sum(), (y < 0) / (y < 0).sum()
    alpha = first - second
    return Separation(alpha, float(-(first + second) @ K @ alpha / 2))


def _rotated(model: Any, K: np.ndarray, y: np.ndarray) -> Separation:
    size, turn = np.linalg.eigh(K)
    kept = size > _NOISE * max(size[-1], 0)
    if not kept.any():
        return Separation(np.zeros(len(y)), 0.0)
    root, turn = np.sqrt(size[kept]), turn[:, kept]
    model.fit(turn * root, y)
    return Separation(turn @ (model.coef_[0] / root), float(model.intercept_[0]))


def _sklearn(classifier: str, seed: int) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression, SGDClassifier
    except ImportError:
        raise ExplainError(
            f"The classifier {classifier!r} is scikit-learn's: pip install scikit-learn, or choose "
            "'ridge' or 'mean difference'."
        ) from None
    if classifier == "logistic regression":
        return LogisticRegression(max_iter=1000)
    return SGDClassifier(alpha=0.01, max_iter=1000, tol=1e-3, random_state=seed)
