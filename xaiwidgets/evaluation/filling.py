"""What takes the place of removed pixels: one choice shared by evaluations and the masking view."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from xaiwidgets.core.baselines import baseline
from xaiwidgets.core.subject import Subject

FILLS = ("mean", "blur", "zero", "noise", "black", "white", "given", "neighbours")
FILL_HELP = (
    "what takes a removed pixel's place: this picture's mean colour, a blurred copy, 0 in the "
    "network's own units (the mean colour after normalisation), noise, black, white, the subject's "
    "own absent input, or what its remaining neighbours say (ROAD's noisy linear imputation)"
)


class Filling:
    """Fills the holes of inputs `x` (inputs, channels, height, width)."""

    def __init__(self, name: str, subject: Subject, x: torch.Tensor, seed: int = 0) -> None:
        self.name, self.x, self.seed = name, x, seed
        self.absent = None if name == "neighbours" else baseline(name, subject, x, seed)

    def __call__(self, kept: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Inputs number `rows` with every pixel filled where `kept` (rows, height, width) is
        False."""
        if self.absent is None:
            return impute(self.x[rows], kept, self.seed)
        return torch.where(kept[:, None], self.x[rows], self.absent[rows])


def impute(x: torch.Tensor, kept: torch.Tensor, seed: int = 0, noise: float = 0.01) -> torch.Tensor:
    """Noisy linear imputation (ROAD, Rong et al. 2022): every hole is the weighted mean of its
    eight neighbours, 1/6 beside it and 1/12 at its corners, plus normal noise.

    The linear system is solved for the whole batch at once: coarse to fine for a start, then
    conjugate gradients to a relative residual of 1e-4.
    """
    from xaiwidgets.core.baselines import normal

    holes = ~kept[:, None]
    if not bool(holes.any()):
        return x
    filled = _solve(x, holes)
    return torch.where(holes, filled + noise * normal(x[0], seed, 0), x)


def _neighbours(x: torch.Tensor) -> torch.Tensor:
    """Each pixel's weighted sum over its eight neighbours inside the picture."""
    count, channels, height, width = x.shape
    kernel = x.new_tensor([[1 / 12, 1 / 6, 1 / 12], [1 / 6, 0, 1 / 6], [1 / 12, 1 / 6, 1 / 12]])
    flat = x.reshape(count * channels, 1, height, width)
    return F.conv2d(flat, kernel[None, None], padding=1).view_as(x)


def _solve(x: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
    inside = holes.to(x.dtype)
    weight = _neighbours(torch.ones_like(x[:1, :1]))  # less than 1 at the border

    def system(v: torch.Tensor) -> torch.Tensor:
        return inside * (weight * v - _neighbours(v))

    right = inside * _neighbours(x * (1 - inside))
    v = inside * _start(x, 1 - inside)
    residual = right - system(v)
    way, size = residual, residual.square().sum((2, 3), keepdim=True)
    enough = 1e-8 * right.square().sum((2, 3), keepdim=True).clamp_min(1e-30)
    for _ in range(200):
        if bool((size <= enough).all()):
            break
        image = system(way)
        step = size / (way * image).sum((2, 3), keepdim=True).clamp_min(1e-30)
        v = v + step * way
        residual = residual - step * image
        new = residual.square().sum((2, 3), keepdim=True)
        way, size = residual + new / size.clamp_min(1e-30) * way, new
    return v


def _start(x: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A first guess: every pixel's mean over the smallest block of 2, 4, 8 ... that knows any."""
    known, total = kept.expand_as(x[:, :1]), x * kept
    levels = []
    while True:
        levels.append((total, known))
        if min(total.shape[-2:]) <= 1:
            break
        total, known = (F.avg_pool2d(part, 2, ceil_mode=True) for part in (total, known))
    guess = levels[-1][0] / levels[-1][1].clamp_min(1e-12)
    for total, known in reversed(levels[:-1]):
        guess = F.interpolate(guess, size=total.shape[-2:], mode="nearest")
        guess = torch.where(known > 0, total / known.clamp_min(1e-12), guess)
    return guess
