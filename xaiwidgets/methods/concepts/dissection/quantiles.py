"""Exact order statistics of numbers that are read again and again and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Stream = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
_DIGITS = ((21, 11), (10, 11), (0, 10))  # 32 bits from the top: shift, and how many


def from_the_top(stream: Stream, ranks: list[int], units: int) -> np.ndarray:
    """For each rank and unit its number (ranks, units), 0 the largest; NaN where there are fewer.

    `stream()` gives parts (unit, value), single-precision numbers and the units they belong to.
    Read digit by digit, largest first: three readings, and as memory 2048 counters for a rank and
    unit however many numbers there are.
    """
    left = np.repeat(np.array(ranks)[:, None], units, axis=1)
    prefix, enough = np.zeros_like(left), np.ones(left.shape, bool)
    for round_, (shift, bits) in enumerate(_DIGITS):
        falling = _counted(stream, prefix, shift, bits)[..., ::-1].cumsum(2)
        if round_ == 0:
            enough = falling[..., -1] > left
        passed = np.minimum((falling <= left[..., None]).sum(2), (1 << bits) - 1)
        before = np.take_along_axis(falling, np.maximum(passed - 1, 0)[..., None], 2)[..., 0]
        left = left - np.where(passed > 0, before, 0)
        prefix = prefix << bits | (1 << bits) - 1 - passed
    return np.where(enough, _value(prefix).astype(np.float64), np.nan)


def _counted(stream: Stream, prefix: np.ndarray, shift: int, bits: int) -> np.ndarray:
    """How often each digit follows the digits so far (ranks, units, digits)."""
    counts = np.zeros((*prefix.shape, 1 << bits), np.int64)
    for unit, value in stream():
        key = _key(value)
        for own, begins in zip(counts, prefix, strict=True):
            alike = key >> (shift + bits) == begins[unit]
            digit = key[alike] >> shift & (1 << bits) - 1
            place = (unit[alike].astype(np.int64) << bits) + digit
            own += np.bincount(place, minlength=own.size).reshape(own.shape)
    return counts


def _key(value: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of the single-precision numbers that they stand for."""
    bits = np.ascontiguousarray(value, np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits >> 31, 0xFFFFFFFF - bits, bits | 0x80000000)


def _value(key: np.ndarray) -> np.ndarray:
    bits = np.where(key >> 31, key & 0x7FFFFFFF, 0xFFFFFFFF - key)
    return bits.astype(np.uint32).view(np.float32)
