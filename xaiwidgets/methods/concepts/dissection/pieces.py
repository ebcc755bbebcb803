"""Masks of units and of concepts in pieces: the pixels that each has in one block of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .active import Active
from .anchors import between
from .annotated import Labels
from .blocks import SIDE, Blocks, ones, words_of

_AT_ONCE = 2048  # words made together: what a processor keeps at hand


@dataclass(frozen=True, eq=False)
class UnitPieces:
    """Where units are active: the `unit`, the `picture` and the `block` of each piece, and its
    pixels as a `word` (pieces,). `areas` (units, pictures) are the pixels of a unit in a picture.
    """

    unit: np.ndarray
    picture: np.ndarray
    block: np.ndarray
    word: np.ndarray
    areas: np.ndarray

    @classmethod
    def of(cls, active: Active, blocks: Blocks, limits: np.ndarray) -> UnitPieces:
        """The masks of all units in some pictures: where a map, brought to the size of the mask,
        exceeds the unit's limit (units,)."""
        units, (height, width) = len(limits), active.grid
        map_, row, column = _gaps_beside(active, limits)
        picture, unit = np.divmod(map_, units)
        # every cell beside one that is above its limit was kept, and no other is asked for
        maps = np.empty(active.cells * units, np.float32)
        maps[active.cell] = active.values
        up, low = np.maximum(row - 1, 0), np.minimum(row, height - 1)
        left, right = np.maximum(column - 1, 0), np.minimum(column, width - 1)
        corners = np.stack([
            maps[((picture * height + r) * width + c) * units + unit]
            for r in (up, low) for c in (left, right)
        ])  # fmt: skip
        limit = limits[unit]
        gap, down, across = _strips_in(blocks, row, column)
        if len(gap) > len(row):
            reaching = _reaching(blocks, corners[:, gap], down, across, limit[gap])
            gap, down, across = gap[reaching], down[reaching], across[reaching]
        word = np.empty(len(gap), "<u8")
        for some in _parts(len(gap)):
            near = gap[some]
            word[some] = _words(blocks, corners[:, near], down[some], across[some], limit[near])
        there = np.flatnonzero(word)
        gap, down, across, word = (each[there] for each in (gap, down, across, word))
        block = blocks.down.block[down] * len(blocks.across.pixel) + blocks.across.block[across]
        if blocks.joins:
            place = SIDE * blocks.down.offset[down] + blocks.across.offset[across]
            word <<= place.astype(np.uint64)
            gap, block, word = _joined(map_, gap, block, word)
        unit, picture, shape = unit[gap], picture[gap], (units, len(active.peaks))
        areas = np.bincount(unit * shape[1] + picture, ones(word), shape[0] * shape[1])
        return cls(unit, picture, block, word, areas.reshape(shape))


def _gaps_beside(active: Active, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gaps beside every cell above its limit, each once and in order: the map (picture × units
    + unit) and the row and the column of the gap."""
    units, (height, width) = len(limits), active.grid
    high, unit = active.above(limits)
    cell, column = np.divmod(active.cell[high].astype(np.int64) // units, width)
    picture, row = np.divmod(cell, height)
    first = ((picture * units + unit) * (height + 1) + row) * (width + 1) + column
    beside = np.sort(np.concatenate([first, first + 1, first + width + 1, first + width + 2]))
    gap = beside[np.flatnonzero(np.diff(beside, prepend=-1))]
    rest, column = np.divmod(gap, width + 1)
    return (*np.divmod(rest, height + 1), column)


def _strips_in(
    blocks: Blocks, row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every strip down × strip across of some gaps: the number of the gap, and the two strips."""
    down, across = blocks.down, blocks.across
    wide = across.many[column]
    many = down.many[row] * wide
    gap = np.repeat(np.arange(len(row)), many)
    step = np.arange(len(gap)) - np.repeat(np.cumsum(many) - many, many)
    y, x = np.divmod(step, wide[gap])
    return gap, down.first[row[gap]] + y, across.first[column[gap]] + x


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE)]


def _reaching(
    blocks: Blocks, corners: np.ndarray, down: np.ndarray, across: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """Which strips down × strips across may have a pixel above their limit (n,): what is
    interpolated between four values is largest at a corner, but for rounding."""
    reached = limits - 1e-6 * np.abs(limits)
    found = np.zeros(len(limits), bool)
    for y in blocks.down.ends[:, down]:
        for x in blocks.across.ends[:, across]:
            found |= between(list(corners), y, x) > reached
    return np.flatnonzero(found)


def _words(
    blocks: Blocks, corners: np.ndarray, down: np.ndarray, across: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """The pixels above the limits (n,), as words (n,), from the activations around them (4, n): in
    the order upper left, upper right, lower left, lower right. As `between` has it, column after
    column."""
    shares_down, shares_across = blocks.down.share[:, down], blocks.across.share[:, across]
    upper_left, upper_right, lower_left, lower_right = corners.astype(np.float64)
    upper = upper_left + (upper_right - upper_left) * shares_across
    step = lower_left + (lower_right - lower_left) * shares_across - upper
    bits = np.zeros((SIDE, len(limits)), np.uint8)
    rows, values = bits[: len(shares_down)], np.empty_like(shares_down)
    for x in range(len(shares_across)):
        np.multiply(step[x], shares_down, out=values)
        values += upper[x]
        rows |= (values > limits).view(np.uint8) << x
    found: np.ndarray = np.ascontiguousarray(bits.T).view("<u8")
    return found[:, 0]


def _joined(
    map_: np.ndarray, gap: np.ndarray, block: np.ndarray, word: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One piece for all that lies in one block of one map."""
    key = map_[gap] * (block.max(initial=0) + 1) + block
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    if not len(first):
        return gap, block, word
    at = order[first]
    return gap[at], block[at], np.bitwise_or.reduceat(word[order], first)


@dataclass(frozen=True, eq=False)
class LabelPieces:
    """Where pictures have other concepts than usual. The pieces in block b of the picture p are
    `many[p × blocks + b]`, from number `first[p × blocks + b]` on; `row` and `word` (pieces,) are
    the row of the labels' sets that says which concepts, and their pixels."""

    first: np.ndarray
    many: np.ndarray
    row: np.ndarray
    word: np.ndarray

    @classmethod
    def of(cls, labels: Labels, blocks: Blocks, usual: np.ndarray) -> LabelPieces:
        """The pieces of all pictures with other codes than the `usual` ones (pictures,)."""
        codes = blocks.cut(labels.codes)
        other = codes != np.repeat(usual.astype(codes.dtype), len(blocks))[:, None]
        block = np.flatnonzero(other.any(1))
        many = np.zeros(len(codes), np.int64)
        found = [(np.zeros(0, np.int64), np.zeros(0, codes.dtype), np.zeros(0, "<u8"))]
        codes, left, here = codes[block], other[block], block
        while len(here):
            code = codes[np.arange(len(codes)), left.argmax(1)]
            same = codes == code[:, None]
            found.append((here, code, words_of(same)))
            many[here] += 1
            left &= ~same
            more = np.flatnonzero(left.any(1))
            codes, left, here = codes[more], left[more], here[more]
        at, code, word = map(np.concatenate, zip(*found, strict=True))
        order = np.argsort(at, kind="stable")
        row = labels.first[at // len(blocks)] + code
        return cls(np.cumsum(many) - many, many, row[order], word[order])


def met(
    units: UnitPieces, labels: LabelPieces, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where pieces of units meet pieces of labels: the numbers of both, and how many pixels they
    share. `at` (pieces,) is the block, picture × blocks + block, that each piece of a unit is laid
    on."""
    some = np.flatnonzero(labels.many[at])
    many, first = labels.many[at[some]], labels.first[at[some]]
    piece = np.repeat(some, many)
    label = np.arange(len(piece)) + np.repeat(first - (np.cumsum(many) - many), many)
    return piece, label, ones(units.word[piece] & labels.word[label])
