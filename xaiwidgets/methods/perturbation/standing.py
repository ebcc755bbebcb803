"""Whether an answer stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from xaiwidgets.core.target import BoundTarget


@dataclass(frozen=True)
class Standing:
    """An answer of the score `whole`, which stays while the score is on the same side of 0, and
    beyond `least`."""

    whole: float
    least: float

    @classmethod
    def of(cls, target: BoundTarget, whole: float) -> Standing:
        """Of a function of the scores half of its value has to be left."""
        return cls(whole, abs(whole) / 2 if target.scorer is not None else 0.0)

    def holds(self, scores: torch.Tensor) -> torch.Tensor:
        """Which scores keep the answer."""
        return (1 if self.whole >= 0 else -1) * scores >= self.least
