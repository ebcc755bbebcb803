"""The units of one layer: what each is a detector of."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .tally import Counter

TOP = 16
"""How many pictures are remembered for a unit."""


def _none() -> np.ndarray:
    return np.zeros((0, 0))


@dataclass(eq=False)
class DissectedLayer:
    """The units of one layer, or of one random rotation of it (`rotation` from 1).

    `iou` and `bound` (units, concepts) are each IoU and the largest that the areas of unit and
    concept allow; `chance` and `chance_high` (units, concepts) its mean and its largest value
    over shufflings, in which concepts are those of other pictures (0 without), and `chance_best`
    (shuffles, units) the best concept's IoU in each. `thresholds` (units,) are what an activation
    has to exceed, and `grid` (height, width) is a map's. `top` and `peaks` (units, up to 16) are
    the numbers of the pictures in which a unit is most active, and its maximum there.
    """

    layer: str
    rotation: int
    grid: tuple[int, int]
    thresholds: np.ndarray
    iou: np.ndarray
    bound: np.ndarray
    chance: np.ndarray
    chance_high: np.ndarray
    chance_best: np.ndarray
    top: np.ndarray = field(default_factory=_none)
    peaks: np.ndarray = field(default_factory=_none)

    @classmethod
    def of(
        cls, layer: str, rotation: int, counter: Counter, grid: tuple[int, int]
    ) -> DissectedLayer:
        """What a counter has counted."""
        iou, bound = counter.tally.iou, counter.tally.bound
        mean, high = np.zeros_like(iou), np.zeros_like(iou)
        best = []
        for tally in counter.by_chance:
            drawn = tally.iou
            mean += drawn / counter.shuffles
            high = np.maximum(high, drawn)
            best.append(drawn.max(1, initial=0.0))
        return cls(
            layer, rotation, grid, counter.limits, iou, bound, mean, high,
            np.array(best).reshape(-1, len(iou)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.iou)

    @property
    def label(self) -> np.ndarray:
        """The number of each unit's best concept (units,)."""
        return self.iou.argmax(1)

    @property
    def best(self) -> np.ndarray:
        """Each unit's best IoU (units,)."""
        return self.iou.max(1, initial=0.0)

    @property
    def p(self) -> np.ndarray:
        """How often chance finds some concept at least as good (units,), counted with the unit
        itself among the draws; NaN without shuffles."""
        draws = len(self.chance_best)
        if not draws:
            return np.full(len(self), np.nan)
        found: np.ndarray = (1 + (self.chance_best >= self.best).sum(0)) / (1 + draws)
        return found

    def detectors(self, iou: float) -> np.ndarray:
        """Which units are detectors at that IoU (units,): some concept has it, and it is not 0."""
        found: np.ndarray = (self.best >= iou) & (self.best > 0)
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by name."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
