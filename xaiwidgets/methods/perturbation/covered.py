"""What a soft mask over the picture does to the score, for methods that search for a mask."""

from __future__ import annotations

import torch

from xaiwidgets.core.filling import Filling
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class Covered:
    """Inputs `x` (inputs, channels, height, width) under masks; scores are told as the share of the
    way from the picture filled everywhere (0) to the whole picture (1), so that a search needs no
    knowledge of the network's units."""

    def __init__(self, subject: Subject, x: torch.Tensor, target: BoundTarget, fill: str) -> None:
        self.subject, self.x, self.target = subject, x, target
        self.filling = Filling(fill, subject, x)
        every = torch.arange(len(x))
        nothing = self.filling(torch.zeros_like(x[:, 0]), every)
        self.absent = subject.scores(nothing, target, every)
        self.whole = subject.scores(x, target, every)
        self.way = (self.whole - self.absent).abs().clamp_min(1e-6)

    def share(self, mask: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The share that is left of inputs number `rows` where `mask` (rows, 1, height, width) says
        how much of each pixel is kept, (rows,)."""
        scores = self.subject.scores(self.filling(mask[:, 0], rows), self.target, rows)
        return (scores - self.absent[rows]) / self.way[rows]

    def pull(
        self, mask: torch.Tensor, rows: torch.Tensor, shift: tuple[int, int] = (0, 0)
    ) -> torch.Tensor:
        """∂ share / ∂ mask (rows, 1, height, width), the picture moved by `shift` pixels."""
        x, filler = self.x[rows], self.filling.pictures(mask, rows)
        seen = (x * mask + filler * (1 - mask)).roll(shift, (2, 3))
        gradient = self.subject.gradient(seen, self.target, rows)
        back = gradient.roll((-shift[0], -shift[1]), (2, 3))
        pulled = (back * (x - filler)).sum(1, keepdim=True)
        return pulled / self.way[rows].view(-1, 1, 1, 1)

    def warnings(self) -> list[str]:
        """A sentence where the filled picture says more of the target than the picture itself."""
        if bool((self.whole > self.absent).all()):
            return []
        return [
            "The filled picture scores higher than the picture itself, so that there is nothing to "
            "keep or to delete; another filling may tell more."
        ]


def elsewhere(mask: torch.Tensor) -> torch.Tensor:
    """The same mask moved by half the picture, as a control of equal area."""
    return mask.roll((mask.shape[2] // 2, mask.shape[3] // 2), (2, 3))
