"""What an absent pixel looks like: one choice shared by every method that needs it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from .draws import normal as normal
from .draws import uniform as uniform
from .errors import ExplainError
from .subject import Subject

BASELINES = (*Subject.baselines, "median", "rows")
BASELINE_HELP = (
    "what an absent pixel looks like: zero is 0 in the network's own units (the mean colour after "
    "normalisation), mean is this picture's mean colour, blur removes its detail, given is the "
    "subject's own absent input; of a text noise is other words, and given its mask token; of a "
    "table mean and median are the data's, with the most frequent categories, and rows other rows"
)


def baseline(name: str, subject: Subject, x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """The absent version of every input, shaped like x (batch, channels, height, width)."""
    check_baseline(name, subject)
    if name == "zero":
        return torch.zeros_like(x)
    if name == "black":
        return subject.preprocessing.absent(0.0, x)
    if name == "white":
        return subject.preprocessing.absent(1.0, x)
    if name in ("mean", "median"):
        return subject.centre(name, x)
    if name == "blur":
        return blur(x, max(x.shape[-2:]) / 20)
    if name == "given":
        return subject.given(x)[:1].expand_as(x).clone()
    assert name in ("noise", "rows"), name
    return subject.noise(x, seed)(0)


def one_for_all(name: str, subject: Subject) -> bool:
    """Whether all inputs of a batch have the same baseline. Texts have not: each has a length."""
    return subject.kind != "text" and name in ("zero", "black", "white", "given")


def check_baseline(name: str, subject: Subject) -> None:
    """Refuse what this kind of input has no notion of, such as a blurred text."""
    if name not in subject.baselines:
        raise ExplainError(
            f"A {subject.kind} has no {name!r} to take the place of what is absent; it takes "
            f"{', '.join(subject.baselines)}."
        )


def baseline_draws(
    name: str, subject: Subject, x: torch.Tensor, seed: int
) -> Callable[[int], torch.Tensor]:
    """From a sample's number to absent inputs shaped like x: another noise picture or row of the
    data each, or another of the subject's absent inputs; the other choices have only one."""
    check_baseline(name, subject)
    if name in ("noise", "rows"):
        return subject.noise(x, seed)
    if name == "given":
        given = subject.given(x)

        def draw(sample: int) -> torch.Tensor:
            which = int(uniform(torch.zeros(1), seed, sample) * len(given)) % len(given)
            return given[which : which + 1].expand_as(x)

        return draw
    only = baseline(name, subject, x, seed)
    return lambda sample: only


def blur(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of (batch, channels, height, width) by σ pixels, edges reflected."""
    height, width = x.shape[-2:]
    radius = min(math.ceil(3 * sigma), height - 1, width - 1)
    if radius < 1:
        return x.clone()
    steps = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    padded = F.pad(x, (radius,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel[..., None, :], groups=x.shape[1])
    return F.conv2d(rows, kernel[..., None], groups=x.shape[1])
