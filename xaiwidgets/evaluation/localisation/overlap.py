"""How much of one map lies in one region: the one that a reader marked, or the true one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.marks import marked, read_shapes
from xaiwidgets.core.masks import boolean

from ..evidence import evidence, inside_top


@dataclass(frozen=True)
class Overlap:
    """How well a region M and what a map R calls important agree; R counts where it is positive.

    `share` is that of the evidence inside, Σ_M max(R, 0) ÷ Σ max(R, 0). `iou` is |top-k ∩ M| ÷
    |top-k ∪ M| with k = |M|, the map's top pixels, as many as the region has; of pixels that tie
    for the last places the share that chance would pick is counted. `hit` is 1 where the map's
    highest pixel lies inside and 0 where it does not (of several equally high ones the share that
    does). `area` is the region's share of the picture. The first three are NaN where the map has no
    positive differences.
    """

    share: float
    iou: float
    hit: float
    area: float

    @property
    def chance(self) -> Overlap:
        """What the same shape would have, laid anywhere on the picture: its share of the picture,
        and of the top pixels as many as fall into it on average."""
        return Overlap(self.area, self.area / (2 - self.area), self.area, self.area)


def region_overlap(explanation: Heatmap | np.ndarray, region: Any) -> Overlap:
    """Does the map agree with a region: with what somebody expected, or with the truth?

    `explanation` is a Heatmap of one picture, or a map (height, width); `region` an array of the
    same shape, true inside, or a list of boxes (x0, y0, x1, y1), the last two just outside, and
    strokes [side, x, y, x, y, ...], as `xw.predict` takes them. A large region holds much of any
    map, so read every number beside `.chance`. Values are taken in single precision, as the page
    has them: both give the same.

    >>> heat = xw.GradCam()(subject, scene.image)
    >>> found = region_overlap(heat, scene.masks["object"])
    >>> found.share, found.chance.share
    """
    values = _one_map(explanation)
    inside = _inside(region, values.shape)
    if inside.shape != values.shape:
        raise ExplainError(
            f"The region has shape {inside.shape}, the map {values.shape}; mark it in the picture "
            "as the network sees it."
        )
    if not inside.any():
        raise ExplainError("The region is empty; mark at least one pixel.")
    proof = evidence(values, "positive").astype(np.float64)
    area = float(inside.mean())
    if proof.max() == proof.min():
        return Overlap(math.nan, math.nan, math.nan, area)
    count = int(inside.sum())
    common = float(inside_top(proof[None], inside[None], np.array([count]))[0])
    highest = proof == proof.max()
    return Overlap(
        share=float(proof[inside].sum() / proof.sum()),
        iou=common / (2 * count - common),
        hit=float(highest[inside].sum() / highest.sum()),
        area=area,
    )


def _inside(region: Any, size: tuple[int, ...]) -> np.ndarray:
    """A region as an array: one, rows of one, or the pixels that boxes and strokes cover."""
    shape = getattr(region, "shape", (4,))
    rows = [np.shape(row) for row in region] if isinstance(region, (list, tuple)) else []
    if len(size) != 2 or tuple(shape) != (4,) or rows == [size[1:]] * size[0]:
        return boolean(region, "The region")
    return marked(read_shapes(region, size, "A region"), size)


def _one_map(explanation: Heatmap | np.ndarray) -> np.ndarray:
    """A map (height, width) in single precision."""
    if isinstance(explanation, Heatmap):
        if len(explanation) != 1:
            raise ExplainError(
                f"The explanation is of {len(explanation)} pictures; give that of one, or one map "
                "of explanation.map()."
            )
        return np.asarray(explanation.map()[0], np.float32)
    values = np.asarray(explanation, np.float32)
    if values.ndim != 2:
        raise ExplainError(
            f"The map has shape {values.shape}; it takes one of height and width, such as "
            "heat.map()[0]."
        )
    return values
