"""Exact order statistics of numbers that are read again and again and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Stream = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
_DIGITS = (11, 11, 10)  # 32 bits from the top
_HELD = 1 << 16  # numbers that are sorted together


def from_the_top(stream: Stream, ranks: list[int], units: int) -> np.ndarray:
    """For each rank and unit its number (ranks, units), 0 the largest; NaN where there are fewer.

    `stream()` gives parts (unit, value), single-precision numbers and the units they belong to.
    Where they are too many to be held, they are read digit by digit, largest first, until those
    that begin like a number that is looked for are few enough to be sorted: four readings at most,
    and as memory 2048 counters for a rank and unit however many numbers there are.
    """
    left = np.repeat(np.array(ranks)[:, None], units, axis=1)
    prefix, rest = np.zeros_like(left), sum(_DIGITS)
    enough = np.ones(left.shape, bool)
    for bits in _DIGITS:
        if (held := _held(stream, prefix, rest)) is not None:
            return np.where(enough, _sorted_out(*held, prefix, rest, left), np.nan)
        rest -= bits
        falling = _counted(stream, prefix, rest, bits)[..., ::-1].cumsum(2)
        enough &= falling[..., -1] > left
        passed = np.minimum((falling <= left[..., None]).sum(2), (1 << bits) - 1)
        before = np.take_along_axis(falling, np.maximum(passed - 1, 0)[..., None], 2)[..., 0]
        left = left - np.where(passed > 0, before, 0)
        prefix = prefix << bits | (1 << bits) - 1 - passed
    return np.where(enough, _value(prefix).astype(np.float64), np.nan)


def _held(stream: Stream, prefix: np.ndarray, rest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The units and keys that begin, but for the rest of their bits, like those of some rank; None
    where they are too many."""
    units, keys, count = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for unit, value in stream():
        key = _key(value)
        alike = np.logical_or.reduce([key >> rest == begins[unit] for begins in prefix])
        units.append(unit[alike])
        keys.append(key[alike])
        count += len(keys[-1])
        if count > _HELD:
            return None
    return np.concatenate(units), np.concatenate(keys)


def _sorted_out(
    unit: np.ndarray, key: np.ndarray, prefix: np.ndarray, rest: int, left: np.ndarray
) -> np.ndarray:
    """For each rank and unit the number of that rank among those that begin like it, NaN where
    there are fewer."""
    found = np.full(left.shape, np.nan)
    for row, begins, rank in zip(found, prefix, left, strict=True):
        alike = key >> rest == begins[unit]
        # by units, and then from the largest to the smallest
        falling = np.sort(unit[alike].astype(np.int64) << 32 | 0xFFFFFFFF - key[alike])
        first = np.searchsorted(falling, np.arange(len(rank) + 1) << 32)
        there = np.flatnonzero(first[:-1] + rank < first[1:])
        row[there] = _value(0xFFFFFFFF - (falling[(first[:-1] + rank)[there]] & 0xFFFFFFFF))
    return found


def _counted(stream: Stream, prefix: np.ndarray, rest: int, bits: int) -> np.ndarray:
    """How often each digit follows the digits so far (ranks, units, digits)."""
    begins, same = np.unique(prefix, axis=0, return_inverse=True)
    counts = np.zeros((*begins.shape, 1 << bits), np.int64)
    for unit, value in stream():
        key = _key(value)
        for own, begin in zip(counts, begins, strict=True):
            alike = key >> (rest + bits) == begin[unit]
            digit = key[alike] >> rest & (1 << bits) - 1
            place = (unit[alike].astype(np.int64) << bits) + digit
            own += np.bincount(place, minlength=own.size).reshape(own.shape)
    return counts[same.ravel()]


def _key(value: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of the single-precision numbers that they stand for."""
    bits = np.ascontiguousarray(value, np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits >> 31, 0xFFFFFFFF - bits, bits | 0x80000000)


def _value(key: np.ndarray) -> np.ndarray:
    bits = np.where(key >> 31, key & 0x7FFFFFFF, 0xFFFFFFFF - key)
    return bits.astype(np.uint32).view(np.float32)
