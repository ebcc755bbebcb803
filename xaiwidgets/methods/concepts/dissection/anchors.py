"""Where a layer's cells lie in the picture, and what lies between them.

A map of h × w numbers is brought to the size of a mask by bilinear interpolation between the points
at which its cells are anchored: the centres of their receptive fields, as network dissection was
published, or the centres of h × w equal parts of the picture, as its later code has it. Beyond the
outermost anchors a map goes on as it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ANCHORS = ("receptive fields", "equal parts")


class Spacing(NamedTuple):
    """Along one side of the input: the place of the first cell's centre in pixels, and the pixels
    from one centre to the next."""

    first: float
    step: float

    @classmethod
    def of_parts(cls, cells: int, pixels: int) -> Spacing:
        """The centres of equal parts."""
        return cls(pixels / cells / 2 - 0.5, pixels / cells)

    def scaled(self, pixels: int, to: int) -> Spacing:
        """The same places in a picture of another size."""
        ratio = to / pixels
        return Spacing((self.first + 0.5) * ratio - 0.5, self.step * ratio)


Sides = tuple[Spacing, Spacing]
"""Down and across."""


def parts_of(cells: tuple[int, ...], shape: tuple[int, int]) -> Sides:
    """The centres of equal parts of an input of that shape."""
    return Spacing.of_parts(cells[0], shape[0]), Spacing.of_parts(cells[1], shape[1])


@dataclass(frozen=True, eq=False)
class Axis:
    """One side of a mask, cut up between anchors.

    Gap 0 lies before the first anchor, gap i between anchors i − 1 and i, the last behind the last
    one. `start` and `count` (gaps,) are the pixels in each, `share` (pixels,) how far a pixel is on
    the way from the gap's first anchor to its second.
    """

    start: np.ndarray
    count: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, cells: int, pixels: int, anchors: Spacing) -> Axis:
        """The side of a mask of so many pixels, from the anchors of so many cells."""
        place = (np.arange(pixels) - anchors.first) / anchors.step
        gap = np.clip(np.floor(place), -1, cells - 1).astype(np.int64) + 1
        share = np.clip(place - (gap - 1), 0.0, 1.0)
        count = np.bincount(gap, minlength=cells + 1)
        return cls(np.cumsum(count) - count, count, share)

    @property
    def gap(self) -> np.ndarray:
        """The gap that each pixel lies in (pixels,)."""
        return np.repeat(np.arange(len(self.count)), self.count)


@dataclass(frozen=True, eq=False)
class Grid:
    """How a map of h × w lies under a mask of height × width."""

    down: Axis
    across: Axis

    @classmethod
    def of(
        cls, cells: tuple[int, ...], size: tuple[int, int], sides: Sides, shape: tuple[int, int]
    ) -> Grid:
        """A map of so many cells under a mask of that size, where `sides` are its anchors in
        inputs of that shape."""
        down, across = (
            Axis.of(count, pixels, anchors.scaled(side, pixels))
            for count, pixels, anchors, side in zip(cells, size, sides, shape, strict=True)
        )
        return cls(down, across)

    @property
    def width(self) -> int:
        """Of the mask, in pixels."""
        return len(self.across.share)

    def raised(self, maps: np.ndarray) -> np.ndarray:
        """Maps (n, h, w) at the size of the mask (n, height, width), as doubles."""
        padded = np.pad(maps.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
        row, column = self.down.gap[:, None], self.across.gap[None, :]
        corners = [padded[:, row + i, column + j] for i in (0, 1) for j in (0, 1)]
        return between(corners, self.down.share[:, None], self.across.share[None, :])


def between(corners: list[np.ndarray], down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Bilinear interpolation: corners in the order upper left, upper right, lower left, lower
    right; the two shares are how far down and across a point lies."""
    upper_left, upper_right, lower_left, lower_right = corners
    upper = upper_left + (upper_right - upper_left) * across
    lower = lower_left + (lower_right - lower_left) * across
    return upper + (lower - upper) * down
