"""Averages of gradients over random draws."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import Moments, enough

Draw = Callable[[int], tuple[torch.Tensor, torch.Tensor | None]]


def sampled_gradients(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    samples: int,
    draw: Draw,
    form: Callable[[torch.Tensor], torch.Tensor] = lambda gradient: gradient,
    powers: int = 2,
    *,
    found: Callable[[Moments], Findings] | None = None,
    precision: float = 0.0,
) -> Moments:
    """Moments of form(∂f/∂x at the draw, times its weight) over `samples` draws of every input.

    `draw(i)` gives the i-th batch of inputs, shaped like x, and weights shaped alike or None; it
    has to depend on nothing but i. `found` makes of moments what is shown meanwhile; fewer draws
    are made where its standard error reaches the `precision`.
    """
    found = found or mean_of(x)
    moments = Moments(x, powers)
    size = subject.batch_size(x)
    each = max(1, size // len(x))
    asked = subject.quick(x, samples * len(x), backward=True)
    for first in range(0, samples, each):
        drawn = [draw(i) for i in range(first, min(first + each, samples))]
        points = torch.stack([point for point, _ in drawn])
        weights = [weight for _, weight in drawn if weight is not None]
        for start in range(0, len(x), size):  # one part, unless a single draw is too much already
            part = points[:, start : start + size]
            rows = torch.arange(start, start + part.shape[1]).repeat(len(drawn))
            gradient = asked.gradient(part.flatten(0, 1), target, rows).view(part.shape)
            if weights:
                gradient.mul_(torch.stack(weights)[:, start : start + size])
            moments.add(form(gradient), start)
        moments.count = first + len(drawn)
        if enough(lambda: found(moments), precision, moments.count, samples):
            break
    return moments


def mean_of(x: torch.Tensor) -> Callable[[Moments], Findings]:
    """From moments to their mean with its standard error, in the precision of x."""
    return lambda moments: Findings(moments.mean().to(x.dtype), moments.error().to(x.dtype))
