"""Noise that is the same for a seed and a sample number, on every device and in any company."""

from __future__ import annotations

import torch


def normal(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Standard normal noise shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.randn, like, seed, sample)


def uniform(like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:
    """Noise in 0...1 shaped like `like`; the same for a seed and sample number anywhere."""
    return _drawn(torch.rand, like, seed, sample)


def _drawn(draw, like: torch.Tensor, seed: int, sample: int) -> torch.Tensor:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed((seed * 1_000_003 + sample) % 2**63)
    return draw(like.shape, generator=generator, dtype=torch.float32).to(like)
