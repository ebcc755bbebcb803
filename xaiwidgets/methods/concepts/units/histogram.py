"""Histograms of activations whose range need not be known before."""

from __future__ import annotations

import numpy as np
import torch

BINS = 128
_AT_ONCE = 262_144
_LEAST = -100  # the range of a unit that was always 0


class Histogram:
    """How often each unit's activation lies where, over all inputs and positions.

    A unit's range is −2ᵉ … 2ᵉ, in 2 × BINS bins. When a value lies outside, the range doubles and
    bins join two by two; powers of two make that exact, so that batches of any size and order give
    the same counts.
    """

    def __init__(self) -> None:
        self.counts = self.exponents = torch.empty(0)
        self.active = torch.empty(0)

    def add(self, values: torch.Tensor) -> None:
        """Count a batch's activations (units, positions)."""
        units = len(values)
        if not len(self.counts):
            self.counts = torch.zeros(units, 2 * BINS, dtype=torch.long, device=values.device)
            self.exponents = torch.full((units,), _LEAST, device=values.device)
            self.active = torch.zeros(units, dtype=torch.long, device=values.device)
        largest = values.abs().amax(1)
        needed = torch.frexp(largest).exponent
        self._widen(torch.where(largest > 0, needed, _LEAST))
        factors = torch.ldexp(
            torch.full((units,), float(BINS), device=values.device), -self.exponents
        )
        step = max(1, _AT_ONCE // values.shape[1])
        for start in range(0, units, step):
            some = slice(start, start + step)
            self._count(some, values[some], factors[some, None])

    def _count(self, some: slice, values: torch.Tensor, factors: torch.Tensor) -> None:
        """Count some units' values (units, positions): few enough to stay near the processor."""
        bins, units = _floor(values * factors), len(values)
        bins += torch.arange(units, dtype=torch.int32, device=bins.device)[:, None] * 2 * BINS
        counts = torch.bincount((bins + BINS).flatten(), minlength=units * 2 * BINS)
        self.counts[some] += counts.view(units, -1)
        self.active[some] += values.sign().clamp_(min=0).sum(1).long()

    def _widen(self, needed: torch.Tensor) -> None:
        """Join bins two by two until every unit's range holds what it needs."""
        doublings = (needed - self.exponents).clamp(min=0)
        if not doublings.any():
            return
        bins = torch.arange(-BINS, BINS, device=needed.device)
        joined = (bins >> doublings.clamp(max=30)[:, None]) + BINS
        self.counts = torch.zeros_like(self.counts).scatter_add_(1, joined, self.counts)
        self.exponents = self.exponents + doublings


def _floor(values: torch.Tensor) -> torch.Tensor:
    """Rounded down to whole numbers, for which torch.floor would need ten times as long."""
    whole = values.int()
    if values.amin() < 0:
        whole -= (whole > values).int()
    return whole


def edges(exponent: int) -> np.ndarray:
    """The borders of a unit's bins (2 × BINS + 1,)."""
    return np.arange(-BINS, BINS + 1) / BINS * 2.0**exponent


def quantile(counts: np.ndarray, exponent: int, above: float) -> float:
    """The border of bins which at most a share `above` of the activations exceeds."""
    beyond = counts[::-1].cumsum()[::-1]
    few = np.flatnonzero(beyond <= above * counts.sum())
    return float(edges(exponent)[few[0] if len(few) else -1])
