"""One layer's activations as inner products, and what every CAV in that space says.

K = A Aᵀ over all examples of all sets and H = G Aᵀ for the gradients G of the inputs are computed
once, in blocks of features, so that nothing as wide as the layer is held. A CAV v = Σ αᵢ aᵢ then
has length √(αᵀ K α) and the derivatives G v = H α.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xaiwidgets.core.job import current_job

from .classifiers import separate
from .store import Activations

HELD_OUT = 0.33
_BLOCK = 8_000_000  # numbers held at a time


@dataclass(frozen=True)
class Recipe:
    """How a CAV is made from two sets."""

    classifier: str
    penalty: float
    seed: int


@dataclass(frozen=True, eq=False)
class Direction:
    """Examples against several negative sets: one CAV each, and their mean.

    `weights` (examples of the space,) make the mean of the unit CAVs, brought to length 1, and
    `border` is where the two sides meet along it. `shares` (negatives,) are the shares of inputs
    with a positive derivative along each CAV, `magnitudes` (negatives,) the mean derivatives along
    each unit CAV, `accuracies` (negatives,) what each CAV tells apart of held-out examples,
    `sensitivities` (inputs,) the derivatives along the mean. `agreement` is the length of the mean
    of unit CAVs: 1 where all point the same way.
    """

    weights: np.ndarray
    border: float
    shares: np.ndarray
    magnitudes: np.ndarray
    accuracies: np.ndarray
    sensitivities: np.ndarray
    agreement: float

    @property
    def accuracy(self) -> float:
        """The mean held-out accuracy."""
        return float(self.accuracies.mean())

    @property
    def share(self) -> float:
        """The TCAV score: the mean share of inputs with a positive derivative."""
        return float(self.shares.mean())

    @property
    def magnitude(self) -> float:
        """The mean derivative along the mean CAV."""
        return float(self.sensitivities.mean())


@dataclass(frozen=True, eq=False)
class Space:
    """`K` (examples, examples) and `H` (inputs, examples) of one layer."""

    K: np.ndarray
    H: np.ndarray
    alike: float

    @classmethod
    def of(cls, sets: Sequence[Activations], layer: str, gradients: np.ndarray) -> Space:
        """From the sets' activations, in their order, and the inputs' gradients."""
        nothing = cls(np.zeros((0, 0)), np.zeros((len(gradients), 0)), alike(gradients))
        return nothing.widened([], sets, layer, gradients)

    def widened(
        self,
        before: Sequence[Activations],
        more: Sequence[Activations],
        layer: str,
        gradients: np.ndarray,
    ) -> Space:
        """The space with more sets behind those that it has, `before`: what is new is computed."""
        old, new = (sum(each.count for each in sets) for sets in (before, more))
        across, own, H = np.zeros((old, new)), np.zeros((new, new)), np.zeros((len(self.H), new))
        step = max(1, _BLOCK // max(1, old + new))
        for start in range(0, gradients.shape[1], step):
            fresh = _features(more, layer, start, start + step)
            if before:
                across += _features(before, layer, start, start + step) @ fresh.T
            own += fresh @ fresh.T
            H += gradients[:, start : start + step] @ fresh.T
        K = np.block([[self.K, across], [across.T, own]])
        return Space(K, np.hstack([self.H, H]), self.alike)

    def direction(
        self, positive: np.ndarray, negatives: Sequence[np.ndarray], recipe: Recipe
    ) -> Direction:
        """What CAVs of the examples `positive` against each of the negative sets say."""
        mean, shares, magnitudes, accuracies = np.zeros(len(self.K)), [], [], []
        for negative in negatives:
            current_job().check()
            rows, alpha, accuracy = self._cav(positive, negative, recipe)
            length = _root(alpha @ self.K[np.ix_(rows, rows)] @ alpha)
            mean[rows] += alpha / length / len(negatives)
            slopes = self.H[:, rows] @ alpha / length
            shares.append((slopes > 0).mean())
            magnitudes.append(slopes.mean())
            accuracies.append(accuracy)
        agreement = _root(mean @ self.K @ mean)
        weights = mean / agreement
        others = np.concatenate(negatives)
        border = (self.K[positive].mean(0) + self.K[others].mean(0)) @ weights / 2
        return Direction(
            weights, float(border), np.array(shares), np.array(magnitudes), np.array(accuracies),
            self.H @ weights, float(agreement) if np.isfinite(agreement) else 0.0,
        )  # fmt: skip

    def _cav(
        self, positive: np.ndarray, negative: np.ndarray, recipe: Recipe
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """The training examples, their α, and the accuracy on those held out."""
        parts = [split(rows, recipe.seed) for rows in (positive, negative)]
        rows = np.concatenate([train for train, _ in parts])
        y = np.repeat([1.0, -1.0], [len(train) for train, _ in parts])
        found = separate(
            recipe.classifier, self.K[np.ix_(rows, rows)], y, recipe.penalty, recipe.seed
        )
        first, second = (self.K[np.ix_(test, rows)] @ found.alpha + found.bias for _, test in parts)
        return rows, found.alpha, float(((first > 0).mean() + (second <= 0).mean()) / 2)


def _features(sets: Sequence[Activations], layer: str, start: int, stop: int) -> np.ndarray:
    """Some features of all examples of several sets (examples, stop − start)."""
    return np.concatenate([each.columns(layer, start, stop) for each in sets])


def split(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A set's examples to learn from and those held out: by seed and size alone, so that what one
    concept gets does not depend on which others are asked about."""
    order = np.random.default_rng(seed).permutation(rows)
    kept = len(rows) - round(HELD_OUT * len(rows))
    return order[:kept], order[kept:]


def alike(gradients: np.ndarray) -> float:
    """The mean cosine between the gradients of two inputs; NaN with fewer than two that are not
    zero."""
    lengths = np.linalg.norm(gradients, axis=1)
    units = gradients[lengths > 0] / lengths[lengths > 0, None]
    count = len(units)
    if count < 2:
        return float("nan")
    return float(((units.sum(0) ** 2).sum() - count) / (count * (count - 1)))


def _root(square: float) -> float:
    """A length that can be divided by: infinite for a vector of nothing."""
    return float(np.sqrt(square)) if square > 0 else float("inf")
