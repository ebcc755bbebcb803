"""Masks of units and of concepts in pieces: the pixels that each has in one block of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .active import Active
from .annotated import Labels
from .blocks import SIDE, Blocks, Strips, lowest_bit, ones, words_of

_AT_ONCE = 1024  # words made together: what a processor keeps at hand


@dataclass(frozen=True, eq=False)
class UnitPieces:
    """Where units are active: the `unit`, the `picture` and the `block` of each piece, and its
    pixels as a `word` (pieces,), one unit after the other. `areas` (units, pictures) are the pixels
    of a unit in a picture.
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
        units, pictures = len(limits), len(active.peaks)
        map_, row, column = _gaps_beside(active, limits)
        unit = map_ // pictures
        picture = map_ - unit * pictures
        over = _corners(active, picture, unit, row, column) - limits[unit][:, None]
        gap, down, across = _strips_reaching(blocks, over, row, column)
        word = _words(blocks, over, gap, down, across)
        there = np.flatnonzero(word)
        gap, down, across, word = (each[there] for each in (gap, down, across, word))
        block = blocks.down.block[down] * len(blocks.across.pixel) + blocks.across.block[across]
        if blocks.joins:
            place = SIDE * blocks.down.offset[down] + blocks.across.offset[across]
            word <<= place.astype(np.uint64)
            gap, block, word = _joined(map_, gap, block, word)
        areas = np.bincount(map_[gap], ones(word), units * pictures)
        return cls(unit[gap], picture[gap], block, word, areas.reshape(units, pictures))


def _gaps_beside(active: Active, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gaps beside every cell above its limit, each once and in order: the map (unit × pictures
    + picture) and the row and the column of the gap."""
    (height, width), pictures = active.grid, len(active.peaks)
    place, unit = active.above(limits)
    cell, column = np.divmod(place.astype(np.int64) // len(limits), width)
    picture, row = np.divmod(cell, height)
    first = ((unit * pictures + picture) * (height + 1) + row) * (width + 1) + column
    beside = np.zeros(len(limits) * pictures * (height + 1) * (width + 1), bool)
    for step in (0, 1, width + 1, width + 2):
        beside[first + step] = True
    rest, column = np.divmod(np.flatnonzero(beside), width + 1)
    return (*np.divmod(rest, height + 1), column)


def _corners(
    active: Active, picture: np.ndarray, unit: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """The activations around gaps (gaps, 4), as doubles, in the order upper left, upper right,
    lower left, lower right: every cell beside one that is above its limit was kept, and no other is
    asked for."""
    units, (height, width) = len(active.bound), active.grid
    maps = np.empty(active.cells * units, np.float32)
    maps[active.cell.astype(np.int64)] = active.values  # half the time that int32 takes
    at = picture * (height * width * units) + unit
    up, low = (at + each * (width * units) for each in _cells_beside(row, height))
    left, right = (each * units for each in _cells_beside(column, width))
    places = np.stack([up + left, up + right, low + left, low + right], axis=1)
    return maps.take(places).astype(np.float64)


def _cells_beside(gap: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The cells before and behind gaps of a side; a map goes on as it ends."""
    return np.maximum(gap - 1, 0), np.minimum(gap, cells - 1)


def _strips_reaching(
    blocks: Blocks, over: np.ndarray, row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The strips down × strips across of gaps that may have a pixel above the gap's limit, gap
    after gap: the number of the gap, and the two strips. `over` (gaps, 4) is how far the corners
    are above the limit. What is interpolated between four values is largest at a corner, but for
    rounding."""
    down, has_down = next(_strips_of(blocks.down, row))
    across, has_across = next(_strips_of(blocks.across, column))
    if max(blocks.down.many.max(), blocks.across.many.max()) == 1:
        gap = np.flatnonzero(has_down & has_across)  # to ask would cost more than it spares
        return gap, down[gap], across[gap]
    upper_left, upper_right, lower_left, lower_right = over.T
    upper_step, lower_step = upper_right - upper_left, lower_right - lower_left
    reached = -1e-9 * np.abs(over).max(1)
    found = []
    for across, has_across in _strips_of(blocks.across, column):
        ends = []
        for share in blocks.across.ends[:, across]:
            upper = upper_left + upper_step * share
            ends.append((upper, lower_left + lower_step * share - upper))
        for down, has_down in _strips_of(blocks.down, row):
            reaching = np.zeros(len(over), bool)
            for share in blocks.down.ends[:, down]:
                for upper, step in ends:
                    reaching |= upper + step * share > reached
            gap = np.flatnonzero(reaching & has_across & has_down)
            found.append((gap, down[gap], across[gap]))
    gap, down, across = map(np.concatenate, zip(*found, strict=True))
    order = np.argsort(gap, kind="stable")
    return gap[order], down[order], across[order]


def _strips_of(strips: Strips, gap: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first strip of every gap, then the second and so on, and whether there is one."""
    first, many = strips.first[gap], strips.many[gap]
    for number in range(many.max(initial=1)):
        yield np.minimum(first + number, len(strips.block) - 1), many > number


def _words(
    blocks: Blocks, over: np.ndarray, gap: np.ndarray, down: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """The pixels above the limit in strips of gaps, as words (n,). Strips of one kind are
    interpolated together, as a product of matrices. As weights are not negative, what lies between
    corners that are all at the limit or below is not above it, whatever is rounded."""
    down, across = blocks.down.kind[down], blocks.across.kind[across]
    kind = down * len(blocks.across.weights) + across
    order = np.argsort(kind.astype(np.min_scalar_type(kind.max(initial=0))), kind="stable")
    over, words = over.take(gap[order], 0), np.empty(len(order), "<u8")
    ends = np.cumsum(np.bincount(kind)).tolist()
    for start, end in pairwise([0, *ends]):
        if start < end:
            weights = blocks.weights(down[order[start]], across[order[start]])
        for at in range(start, end, _AT_ONCE):
            some = slice(at, min(at + _AT_ONCE, end))
            words[some] = words_of(over[some] @ weights > 0)
    found = np.empty_like(words)
    found[order] = words
    return found


def _joined(
    map_: np.ndarray, gap: np.ndarray, block: np.ndarray, word: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One piece for all that lies in one block of one map."""
    key = map_[gap] * (block.max(initial=0) + 1) + block
    order = np.argsort(key)
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
        other = codes.reshape(len(usual), -1) != usual.astype(codes.dtype)[:, None]
        left = words_of(other)
        many = np.zeros(len(codes), np.int64)
        found = [(np.zeros(0, np.int64), np.zeros(0, codes.dtype), np.zeros(0, "<u8"))]
        here = np.flatnonzero(left)
        codes, left = codes[here], left[here]
        while len(here):
            code = codes[np.arange(len(codes)), lowest_bit(left)]
            word = words_of(codes == code[:, None])
            found.append((here, code, word))
            many[here] += 1
            left = left & ~word
            more = np.flatnonzero(left)
            codes, left, here = codes[more], left[more], here[more]
        at, code, word = map(np.concatenate, zip(*found, strict=True))
        order = np.argsort(at)
        row = labels.first[at // len(blocks)] + code
        return cls(np.cumsum(many) - many, many, row[order], word[order])


class Met(NamedTuple):
    """Where pieces of units meet pieces of labels, pair after pair: the number of the label's piece
    and the `pixels` that both share. The pairs of unit k in the laying d are those from number
    `first[d × units + k]` on."""

    label: np.ndarray
    pixels: np.ndarray
    first: np.ndarray


def met(units: UnitPieces, labels: LabelPieces, at: np.ndarray) -> Met:
    """What meets when units are laid on labels, once or several times: `at` (layings, pieces) is
    the block, picture × blocks + block, that each piece of a unit is laid on."""
    layings, pieces = at.shape
    some = np.flatnonzero(labels.many[at] > 0)
    laying = some // max(1, pieces)
    piece, there = some - laying * pieces, at.ravel()[some]
    ends = np.cumsum(labels.many[there])
    many, before = labels.many[there], np.append(0, ends)
    label = np.arange(before[-1]) + np.repeat(labels.first[there] - before[:-1], many)
    count = len(units.areas)
    owners = np.searchsorted(laying * count + units.unit[piece], np.arange(layings * count + 1))
    words = np.repeat(units.word[piece], many) & labels.word[label]
    return Met(label, ones(words), before[owners])
