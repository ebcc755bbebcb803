"""Noise that is the same for a seed and a sample number, on every device and in any company."""

from __future__ import annotations

from numbers import Integral

import torch

from .errors import ExplainError

SEEDS = 2**32
"""How many seeds torch's generator tells apart: it takes 32 bits of what it is given."""
_STRIDE = 1_000_003
"""How far apart seeds lie. Among those up to 9999, which knobs take, two never share a draw whose
numbers are less than 45 589 apart."""


def normal(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Standard normal noise shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.randn, like, seed, sample)


def uniform(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Noise in 0...1 shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.rand, like, seed, sample)


def _drawn(draw, like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:  # type: ignore[no-untyped-def]
    source = generator((checked(seed) * _STRIDE + sample) % SEEDS)
    return draw(like.shape, generator=source, dtype=torch.float32).to(like)


def generator(seed: int) -> torch.Generator:
    """A source of random numbers on the CPU. Raises ExplainError for a seed that it would take for
    another."""
    return torch.Generator().manual_seed(checked(seed))


def checked(seed: int) -> int:
    """The seed, if it is one of those that are told apart."""
    if not isinstance(seed, Integral) or not 0 <= seed < SEEDS:
        raise ExplainError(
            f"The seed is {seed!r}; it takes a whole number from 0 to {SEEDS - 1}, for of a larger "
            "one only the last 32 bits would count."
        )
    return seed
