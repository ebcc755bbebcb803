"""Exact order statistics of numbers that are read again and again and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Stream = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
_BINS = 1 << 17  # counters for all units together
_HELD = 1 << 16  # numbers that are sorted together


def from_the_top(
    stream: Stream, count: int, ranks: list[int], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """For each rank and unit its number (ranks, units), 0 the largest; NaN where there are fewer.

    `stream()` gives parts (unit, value) of `count` single-precision numbers in all, and the units
    they belong to; all of a unit's lie from `low` to `high` (units,). Where they are too many to be
    held, that span is cut into parts, the numbers in each are counted, and the part that holds a
    number that is looked for is cut up in turn, until what lies there is little enough to be
    sorted: two readings most often, and as memory the counters, however many numbers there are.
    """
    base = _key(low).astype(np.int64)
    rest = _bits_of(np.maximum(_key(high) - base, 0))
    left = np.repeat(np.array(ranks)[:, None], len(low), axis=1)
    prefix, enough, cut = np.zeros_like(left), np.ones(left.shape, bool), False
    while count > _HELD and rest.any():
        digits = np.minimum(rest, max(1, int(_bits_of(_BINS // len(low))) - 1))
        rest = rest - digits
        falling = _counted(stream, base, prefix, rest, digits, cut)[..., ::-1].cumsum(2)
        enough &= falling[..., -1] > left
        last = falling.shape[2] - 1
        passed = np.minimum((falling <= left[..., None]).sum(2), last)
        through = np.take_along_axis(falling, passed[..., None], 2)[..., 0]
        before = np.take_along_axis(falling, np.maximum(passed - 1, 0)[..., None], 2)[..., 0]
        before = np.where(passed > 0, before, 0)
        count, left = int((through - before).sum()), left - before
        prefix, cut = (prefix << digits) + last - passed, True
    if count > _HELD:  # many that are the same
        return np.where(enough, _value(base + prefix), np.nan)
    held = _held(stream, base, prefix, rest)
    return np.where(enough, _sorted_out(*held, base, prefix, rest, left), np.nan)


def _held(
    stream: Stream, base: np.ndarray, prefix: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The units, and the places above their base, of numbers that begin, but for the rest of their
    bits, like those of some rank."""
    begins = np.unique(prefix, axis=0).astype(np.uint32)
    units, places = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)]
    for unit, value in stream():
        place = _place(unit, value, base)
        start = place >> rest.astype(np.uint32)[unit]
        alike = np.flatnonzero(np.logical_or.reduce([start == begin[unit] for begin in begins]))
        units.append(unit[alike])
        places.append(place[alike])
    return np.concatenate(units), np.concatenate(places).astype(np.int64)


def _sorted_out(
    unit: np.ndarray, place: np.ndarray, base: np.ndarray, prefix: np.ndarray, rest: np.ndarray,
    left: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """For each rank and unit the number of that rank among those that begin like it, NaN where
    there are fewer."""
    found = np.full(left.shape, np.nan)
    for row, begins, rank in zip(found, prefix, left, strict=True):
        alike = place >> rest[unit] == begins[unit]
        # by units, and then from the largest to the smallest
        falling = np.sort(unit[alike].astype(np.int64) << 32 | 0xFFFFFFFF - place[alike])
        first = np.searchsorted(falling, np.arange(len(rank) + 1) << 32)
        there = np.flatnonzero(first[:-1] + rank < first[1:])
        row[there] = _value(base[there] + (~falling[(first[:-1] + rank)[there]] & 0xFFFFFFFF))
    return found


def _counted(
    stream: Stream, base: np.ndarray, prefix: np.ndarray, rest: np.ndarray, digits: np.ndarray,
    cut: bool,
) -> np.ndarray:  # fmt: skip
    """How often each part follows the parts so far (ranks, units, parts); `digits` (units,) are the
    bits of its number. Where nothing was `cut` before, all numbers begin alike."""
    begins, same = np.unique(prefix, axis=0, return_inverse=True)
    most = int(digits.max())
    counts = np.zeros((*begins.shape, 1 << most), np.int64)
    for unit, value in stream():
        start = _place(unit, value, base) >> rest.astype(np.uint32)[unit]
        for own, begin in zip(counts, begins, strict=True):
            part = (unit << most) + start
            if cut:
                alike = np.flatnonzero(start >> digits.astype(np.uint32)[unit] == begin[unit])
                part = part[alike] - (begin << digits)[unit[alike]]
            own += np.bincount(part, minlength=own.size).reshape(own.shape)
    return counts[same.ravel()]


def _bits_of(number: np.ndarray | int) -> np.ndarray:
    """How many bits a whole number has."""
    return np.frexp(number)[1].astype(np.int64)


def _key(value: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of the single-precision numbers that they stand for."""
    bits = np.ascontiguousarray(value, np.float32).view(np.int32)
    return bits ^ (bits >> 31 & 0x7FFFFFFF)


def _place(unit: np.ndarray, value: np.ndarray, base: np.ndarray) -> np.ndarray:
    """How many single-precision numbers lie between a unit's base and each of its numbers: up to
    2³², which the wrapping difference of two keys tells."""
    above: np.ndarray = (_key(value) - base.astype(np.int32)[unit]).view(np.uint32)
    return above


def _value(key: np.ndarray) -> np.ndarray:
    bits = key.astype(np.int32)
    return (bits ^ (bits >> 31 & 0x7FFFFFFF)).view(np.float32)
