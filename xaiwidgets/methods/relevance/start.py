"""Where relevance begins: R of every output of the network."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xaiwidgets.core.target import BoundTarget

Begin = Callable[[BoundTarget, torch.Tensor, torch.Tensor | None], torch.Tensor]


class Start(BoundTarget):
    """A target with its own relevance of the outputs, in place of the score's share for each.

    `begin(target, outputs, rows)` gives R (rows, classes), shaped like the outputs.
    """

    def __init__(self, target: BoundTarget, begin: Begin) -> None:
        super().__init__(**vars(target))
        self.target, self.begin = target, begin

    def score(self, outputs: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """A sum whose gradient is R ÷ output."""
        z = outputs.detach()
        relevance = self.begin(self.target, z, rows)
        c = torch.where(z == 0, 0, relevance / torch.where(z == 0, 1, z))
        return (c * outputs).sum(1)


def nothing(target: BoundTarget) -> Start:
    """No relevance of the outputs: it is put in further down."""
    return Start(target, lambda target, outputs, rows: torch.zeros_like(outputs))


def contributions(
    target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    """What each output contributes to the score: the score itself for a class."""
    with torch.enable_grad():
        z = outputs.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(target.score(z, rows).sum(), z)
    return gradient * outputs


def whole(target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """The score's contributions, scaled so that their sizes add up to 1."""
    found = contributions(target, outputs, rows)
    return found.abs() / found.abs().sum(1, keepdim=True).clamp_min(torch.finfo(found.dtype).tiny)
