"""Pictures cut into blocks of at most 8 × 8 pixels: part of a mask is a word of 64 bits there.

Where the cells of a layer are anchored, they cut a picture into gaps, in each of which a map is
interpolated between the same four activations. A gap is cut into strips of at most eight pixels,
and neighbouring strips that have eight pixels together are one block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anchors import Axis, Grid

SIDE = 8
_DIGITS = 12  # of shares that are the same but for rounding


@dataclass(frozen=True, eq=False)
class Strips:
    """One side of a mask.

    `first` and `many` (gaps,) are each gap's first strip, and how many it has. Strips whose pixels
    lie alike between their anchors are of one `kind` (strips,), and `weights` (kinds, 2, 8) is what
    the two anchors count for in each pixel, NaN where a strip has fewer. `ends` (2, strips) is how
    far a strip's first and last pixel are on the way from one anchor to the next, `block` (strips,)
    its block and `offset` (strips,) its first pixel there. `pixel` (blocks, 8) are the pixels of a
    block; the last one again where it has fewer.
    """

    first: np.ndarray
    many: np.ndarray
    kind: np.ndarray
    weights: np.ndarray
    ends: np.ndarray
    block: np.ndarray
    offset: np.ndarray
    pixel: np.ndarray

    @classmethod
    def of(cls, axis: Axis) -> Strips:
        """A side that is cut up between anchors."""
        many = -(-axis.count // SIDE)
        first = np.cumsum(many) - many
        gap = np.repeat(np.arange(len(many)), many)
        begin = axis.start[gap] + SIDE * (np.arange(len(gap)) - first[gap])
        end = np.minimum(begin + SIDE, (axis.start + axis.count)[gap])
        pixel = begin[:, None] + np.arange(SIDE)
        share = axis.share[np.minimum(pixel, end[:, None] - 1)].round(_DIGITS)
        share[pixel >= end[:, None]] = -1  # no two NaN are the same
        kinds, kind = np.unique(share, axis=0, return_inverse=True)
        kinds[kinds < 0] = np.nan
        weights = np.stack([1 - kinds, kinds], axis=1)
        ends = axis.share[np.stack([begin, end - 1])]
        block = _blocks(begin, end)
        start = begin[np.searchsorted(block, np.arange(block[-1] + 1))]
        stop = np.append(start[1:], len(axis.share))
        held = np.minimum(start[:, None] + np.arange(SIDE), stop[:, None] - 1)
        return cls(
            first, many, kind.ravel(), weights, ends, block, begin - start[block], held
        )  # fmt: skip


def _blocks(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The block of each strip: as many strips as fit into eight pixels."""
    found, start, number = [], int(begin[0]), 0
    for one, other in zip(begin.tolist(), end.tolist(), strict=True):
        if other - start > SIDE:
            start, number = one, number + 1
        found.append(number)
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Blocks:
    """A mask cut up both ways."""

    down: Strips
    across: Strips

    @classmethod
    def of(cls, grid: Grid) -> Blocks:
        """The blocks of a mask over which a map lies."""
        return cls(Strips.of(grid.down), Strips.of(grid.across))

    def __len__(self) -> int:
        return len(self.down.pixel) * len(self.across.pixel)

    @property
    def joins(self) -> bool:
        """Whether some block holds more than one strip."""
        return any(len(side.pixel) < len(side.block) for side in (self.down, self.across))

    def weights(self, down: int, across: int) -> np.ndarray:
        """What the four anchors around strips of these kinds count for in each pixel (4, 64), in
        the order upper left, upper right, lower left, lower right."""
        rows, columns = self.down.weights[down], self.across.weights[across]
        return (rows[:, None, :, None] * columns[None, :, None, :]).reshape(4, SIDE * SIDE)

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """Whatever pixels hold (pictures, height, width), by blocks (pictures × blocks, 64). Where
        a block has fewer columns, those of the next one follow."""
        rows, columns = self.down.pixel, self.across.pixel[:, 0]
        wide = np.pad(pixels, ((0, 0), (0, 0), (0, SIDE)), mode="edge")
        tall = np.take(wide, rows.ravel(), 1)
        eight = np.dtype((np.void, SIDE * pixels.itemsize))  # pixels that are copied as one
        cut = np.empty((len(pixels), len(rows), len(columns), SIDE), eight)
        for number, start in enumerate(columns.tolist()):
            some = tall[:, :, start : start + SIDE].view(eight)
            cut[:, :, number] = some.reshape(len(pixels), len(rows), SIDE)
        return cut.view(pixels.dtype).reshape(-1, SIDE * SIDE)


def words_of(bits: np.ndarray) -> np.ndarray:
    """Words (n,) from bits (n, 64): pixel after pixel, row after row, the lowest bit first."""
    packed: np.ndarray = np.packbits(np.ravel(bits), bitorder="little").view("<u8")
    return packed


def lowest_bit(words: np.ndarray) -> np.ndarray:
    """The number of the lowest bit that is 1 in each word; 64 where none is."""
    return ones(~words & (words - np.uint64(1)))


def ones(words: np.ndarray) -> np.ndarray:
    """How many bits of each word are 1."""
    if hasattr(np, "bitwise_count"):
        found: np.ndarray = np.bitwise_count(words)
        return found
    return _ONES[words.view("u1")].reshape(-1, SIDE).sum(1)  # before NumPy 2


_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)
