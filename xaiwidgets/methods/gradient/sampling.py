"""Averages over random draws that know how sure they are."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

Draw = Callable[[int], torch.Tensor]


class Moments:
    """Running sums of the first four powers, one set an input, in double precision where it is."""

    def __init__(self, like: torch.Tensor, powers: int = 2) -> None:
        wide = torch.float32 if like.device.type == "mps" else torch.float64
        self.count = 0
        self.sums = [torch.zeros_like(like, dtype=wide) for _ in range(powers)]

    def add(self, values: torch.Tensor, rows: torch.Tensor) -> None:
        """Add one value a row to the input that the row belongs to."""
        rows = rows.to(values.device)
        power = values.to(self.sums[0].dtype)
        term = power
        for total in self.sums:
            total.index_add_(0, rows, term)
            term = term * power

    def mean(self) -> torch.Tensor:
        """The mean of each input's values."""
        return self.sums[0] / self.count

    def variance(self) -> torch.Tensor:
        """The variance of each input's values."""
        return (self.sums[1] / self.count - self.mean().square()).clamp_min(0)

    def error(self) -> torch.Tensor:
        """The standard error of the mean, √(variance ÷ (n − 1))."""
        return (self.variance() / max(self.count - 1, 1)).sqrt()

    def variance_error(self) -> torch.Tensor:
        """The standard error of the variance, √((m₄ − variance²) ÷ n)."""
        a, b, c, d = (total / self.count for total in self.sums)
        fourth = d - 4 * a * c + 6 * a.square() * b - 3 * a.square().square()
        return ((fourth - self.variance().square()).clamp_min(0) / self.count).sqrt()


def sampled_gradients(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    samples: int,
    draw: Callable[[int], torch.Tensor],
    weigh: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda gradient, _: gradient,
    powers: int = 2,
) -> Moments:
    """Moments of weigh(∂f/∂x at the draw, row numbers) over `samples` draws of every input.

    `draw(i)` gives the i-th batch of inputs, shaped like x; it has to depend on nothing but i.
    """
    moments = Moments(x, powers)
    moments.count = samples
    size = subject.batch_size(x)
    each = max(1, size // len(x))
    for first in range(0, samples, each):
        numbers = range(first, min(first + each, samples))
        batch = torch.cat([draw(i) for i in numbers])
        rows = torch.arange(len(x)).repeat(len(numbers))
        places = torch.arange(len(batch))
        for part in places.split(size):
            gradient = subject.gradient(batch[part], target, rows[part])
            moments.add(weigh(gradient, part + first * len(x)), rows[part])
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
