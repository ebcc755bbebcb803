"""Scikit-learn's handwritten digits, for whatever has to retrain in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

_SCALE = 4


@dataclass(frozen=True, eq=False)
class Digits:
    """1797 handwritten digits, light on dark.

    ``images`` is uint8 of shape (1797, 32, 32), ``labels`` int64 of shape (1797,), ``train`` and
    ``test`` the positions of the two parts of a fixed split: every fifth digit is for testing.
    The same hands wrote both, so the test says nothing about strangers' handwriting.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def tensors(self, indices: Iterable[int] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The digits asked for (all by default), as a network's batch.

        Returns float images of shape (n, 1, 32, 32) in 0..1 and their labels, int64 of shape (n,).
        """
        import torch

        chosen = np.arange(len(self.labels)) if indices is None else np.fromiter(indices, np.int64)
        images = torch.from_numpy(self.images[chosen])[:, None].float() / 255
        return images, torch.from_numpy(self.labels[chosen])


def digits() -> Digits:
    """The digits, brought from 8 x 8 to 32 x 32 pixels so that a map over them can be read.

    Between two neighbouring values everything is blended in proportion (bilinear), in whole
    numbers. Raises ``ImportError`` in one sentence where scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError(
            "The digits come with scikit-learn, which is not installed; pip install scikit-learn."
        ) from None
    found = load_digits()
    small = found.images.astype(np.int64)
    positions = np.arange(len(small))
    return Digits(
        images=_enlarged(small),
        labels=found.target.astype(np.int64),
        train=positions[positions % 5 != 4],
        test=positions[positions % 5 == 4],
    )


def _enlarged(small: NDArray[np.int64]) -> NDArray[np.uint8]:
    """From (n, 8, 8) in 0..16 to (n, 32, 32) in 0..255."""
    side = small.shape[-1]
    eighths = np.clip(2 * np.arange(_SCALE * side) + 1 - _SCALE, 0, 2 * _SCALE * (side - 1))
    left, share = eighths // (2 * _SCALE), eighths % (2 * _SCALE)
    right = np.minimum(left + 1, side - 1)
    wide = small[:, :, left] * (2 * _SCALE - share) + small[:, :, right] * share
    tall = wide[:, left, :] * (2 * _SCALE - share[:, None]) + wide[:, right, :] * share[:, None]
    return (tall * 255 // (16 * (2 * _SCALE) ** 2)).astype(np.uint8)
