"""What an absent pixel looks like: one choice shared by every method that needs it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from .errors import ExplainError
from .subject import Subject

BASELINES = ("zero", "black", "white", "mean", "blur", "noise", "given")
BASELINE_HELP = (
    "what an absent pixel looks like: zero is 0 in the network's own units (the mean colour after "
    "normalisation), mean is this picture's mean colour, blur removes its detail, given is the "
    "subject's own absent input"
)


def baseline(name: str, subject: Subject, x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """The absent version of every input, shaped like x (batch, channels, height, width)."""
    if name == "zero":
        return torch.zeros_like(x)
    if name == "black":
        return subject.preprocessing.absent(0.0, x)
    if name == "white":
        return subject.preprocessing.absent(1.0, x)
    if name == "mean":
        return x.mean((2, 3), keepdim=True).expand_as(x).clone()
    if name == "blur":
        return blur(x, max(x.shape[-2:]) / 20)
    if name == "given":
        return _given(subject, x)[:1].expand_as(x).clone()
    assert name == "noise", name
    return _noise(x, seed)(0)


def baseline_draws(
    name: str, subject: Subject, x: torch.Tensor, seed: int
) -> Callable[[int], torch.Tensor]:
    """From a sample's number to absent inputs shaped like x: another noise picture each, or another
    of the subject's absent inputs; the other choices have only one."""
    if name == "noise":
        return _noise(x, seed)
    if name == "given":
        given = _given(subject, x)

        def draw(sample: int) -> torch.Tensor:
            which = int(uniform(torch.zeros(1), seed, sample) * len(given)) % len(given)
            return given[which : which + 1].expand_as(x)

        return draw
    only = baseline(name, subject, x, seed)
    return lambda sample: only


def _given(subject: Subject, x: torch.Tensor) -> torch.Tensor:
    if subject.absent is None:
        raise ExplainError(
            "The baseline is 'given', but the subject has no absent input; make it with "
            "Subject(model, absent=picture)."
        )
    if subject.absent.shape[1:] != x.shape[1:]:
        raise ExplainError(
            f"The subject's absent input has shape {tuple(subject.absent.shape[1:])} and the input "
            f"{tuple(x.shape[1:])}; they have to be alike."
        )
    return subject.absent.to(x)


def _noise(x: torch.Tensor, seed: int) -> Callable[[int], torch.Tensor]:
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return lambda sample: torch.addcmul(low, high - low, uniform(x[0], seed, sample))


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


def normal(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Standard normal noise shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.randn, like, seed, sample)


def uniform(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Noise in 0...1 shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.rand, like, seed, sample)


def _drawn(draw, like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed((seed * 1_000_003 + sample) % 2**63)
    return draw(like.shape, generator=generator, dtype=torch.float32).to(like)
