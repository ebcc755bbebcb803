"""Averages over random draws that know how sure they are, show themselves, and know when to
stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.numbers import percent

_FEWEST = 16  # samples before a standard error is believed


class Moments:
    """Running sums of powers of the deviation from a first guess of the mean, one set an input.

    The guess keeps the deviations small, so that single precision is enough for each of them, and
    the sums are in double precision where it is.
    """

    def __init__(self, like: torch.Tensor, powers: int = 2) -> None:
        self._wide = torch.float32 if like.device.type == "mps" else torch.float64
        self.count = 0
        self._guess = torch.zeros_like(like)
        self._guessed = torch.zeros(len(like), dtype=torch.bool)
        self._sums = [torch.zeros_like(like, dtype=self._wide) for _ in range(powers)]

    def add(self, values: torch.Tensor, first: int = 0) -> None:
        """Add values (draws, inputs, channels, height, width), the inputs from number `first`."""
        which = slice(first, first + values.shape[1])
        if not self._guessed[first]:
            self._guess[which] = values.mean(0)
            self._guessed[which] = True
        away = values - self._guess[which]
        term = away
        for power, total in enumerate(self._sums, 1):
            total[which] += term.sum(0, dtype=self._wide)
            if power < len(self._sums):
                term = term * away

    def mean(self) -> torch.Tensor:
        """The mean of each input's values."""
        return self._guess + self._sums[0] / self.count

    def variance(self) -> torch.Tensor:
        """The variance of each input's values."""
        return (self._sums[1] / self.count - (self._sums[0] / self.count).square()).clamp_min(0)

    def error(self) -> torch.Tensor:
        """The standard error of the mean, √(variance ÷ (n − 1)); one draw alone says nothing of it,
        and it is then as large as the mean itself."""
        if self.count < 2:
            return self.mean().abs()
        return (self.variance() / (self.count - 1)).sqrt()

    def variance_error(self) -> torch.Tensor:
        """The standard error of the variance, √((m₄ − variance²) ÷ n)."""
        a, b, c, d = (total / self.count for total in self._sums)
        fourth = d - 4 * a * c + 6 * a.square() * b - 3 * a.square().square()
        return ((fourth - self.variance().square()).clamp_min(0) / self.count).sqrt()


def precision_knob() -> Any:
    """At which standard error a method that draws samples has seen enough."""
    return knob(
        default=0.0, low=0.0, high=1.0, step=0.01, unit="of the map",
        help="stop as soon as the standard error is this share of the map; 0 draws every sample",
    )  # fmt: skip


def enough(found: Callable[[], Findings], precision: float, done: int, samples: int) -> bool:
    """Show what is found after `done` of the samples, and say whether that is all, or precise
    enough for every input."""
    if done >= samples:
        return True
    current_job().show(lambda: _so_far(found(), done, samples))
    if not precision or done < _FEWEST:
        return False
    return bool((error_share(found()) <= precision).all())


def error_share(found: Findings) -> torch.Tensor:
    """The l2 norm of each input's standard error ÷ that of its values (inputs,)."""
    assert found.error is not None
    size, error = (part.double().flatten(1).norm(dim=1) for part in (found.values, found.error))
    return error / size.clamp_min(1e-30)


def report_error(found: Findings, done: int | None = None, samples: int | None = None) -> Findings:
    """Say in one number how large the standard error is, its l2 norm ÷ that of the values; and that
    fewer samples were enough, where they were."""
    assert found.error is not None
    size = float(found.values.double().norm())
    share = float(found.error.double().norm()) / max(size, 1e-30)
    found.numbers["standard_error"] = share
    found.facts.append(f"Standard error {percent(share)} of the map.")
    if done is not None and done != samples:
        found.facts.append(f"Precise enough after {done} of {samples} samples.")
    if share > 0.5:
        found.warnings.append(
            f"The standard error is {percent(share)} of the map; more samples would change it."
        )
    return found


def _so_far(found: Findings, done: int, samples: int) -> Findings:
    found.facts.append(f"{done} of {samples} samples so far.")
    return report_error(found)
