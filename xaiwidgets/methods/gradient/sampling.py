"""Averages over random draws that know how sure they are."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

Draw = Callable[[int], tuple[torch.Tensor, torch.Tensor | None]]


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
        """The standard error of the mean, √(variance ÷ (n − 1))."""
        return (self.variance() / max(self.count - 1, 1)).sqrt()

    def variance_error(self) -> torch.Tensor:
        """The standard error of the variance, √((m₄ − variance²) ÷ n)."""
        a, b, c, d = (total / self.count for total in self._sums)
        fourth = d - 4 * a * c + 6 * a.square() * b - 3 * a.square().square()
        return ((fourth - self.variance().square()).clamp_min(0) / self.count).sqrt()


def sampled_gradients(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    samples: int,
    draw: Draw,
    form: Callable[[torch.Tensor], torch.Tensor] = lambda gradient: gradient,
    powers: int = 2,
) -> Moments:
    """Moments of form(∂f/∂x at the draw, times its weight) over `samples` draws of every input.

    `draw(i)` gives the i-th batch of inputs, shaped like x, and weights shaped alike or None; it
    has to depend on nothing but i.
    """
    moments = Moments(x, powers)
    moments.count = samples
    size = subject.batch_size(x)
    each = max(1, size // len(x))
    for first in range(0, samples, each):
        drawn = [draw(i) for i in range(first, min(first + each, samples))]
        points = torch.stack([point for point, _ in drawn])
        weights = [weight for _, weight in drawn if weight is not None]
        for start in range(0, len(x), size):  # one part, unless a single draw is too much already
            part = points[:, start : start + size]
            rows = torch.arange(start, start + part.shape[1]).repeat(len(drawn))
            gradient = subject.gradient(part.flatten(0, 1), target, rows).view(part.shape)
            if weights:
                gradient.mul_(torch.stack(weights)[:, start : start + size])
            moments.add(form(gradient), start)
    return moments


def report_error(found: Findings) -> Findings:
    """Say in one number how large the standard error is: its l2 norm ÷ that of the values."""
    assert found.error is not None
    size = float(found.values.double().norm())
    share = float(found.error.double().norm()) / max(size, 1e-30)
    found.numbers["standard_error"] = share
    found.facts.append(f"Standard error {100 * share:.2g} % of the map.")
    if share > 0.5:
        found.warnings.append(
            f"The standard error is {100 * share:.0f} % of the map; more samples would change it."
        )
    return found
