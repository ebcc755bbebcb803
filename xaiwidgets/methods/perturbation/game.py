"""Segments as the players of a game: from who takes part to the target's score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import FILL_HELP, FILLS, Filling
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from . import segments

SEGMENT_FILLS = ("segments", *FILLS)


def segment_fill_knob(default: str) -> Any:
    """What takes an absent segment's place: also its own mean colour."""
    return knob(
        default=default, choices=SEGMENT_FILLS, help=f"{FILL_HELP}; segments: its own mean colour"
    )


class Game:
    """One input `x` (1, channels, height, width) cut into segments `labels` (height, width); who is
    absent is filled."""

    def __init__(
        self,
        subject: Subject,
        x: torch.Tensor,
        target: BoundTarget,
        labels: torch.Tensor,
        fill: str,
        seed: int = 0,
    ) -> None:
        self.subject, self.target = subject.quick(x), target
        self.labels = labels.to(x.device)
        self.players = int(labels.max()) + 1
        chosen = segments.colours(x, labels[None]) if fill == "segments" else fill
        self.filling = Filling(chosen, subject, x, seed)
        self.at_once = subject.batch_size(x, backward=False)

    def __call__(self, present: torch.Tensor) -> torch.Tensor:
        """The scores (coalitions,) where `present` (coalitions, players) says who takes part, in
        double precision on the CPU."""
        none = torch.empty(0, dtype=torch.float64)
        return torch.cat([none, *self.scores(present)]) if len(present) else none

    def scores(self, present: torch.Tensor) -> Iterator[torch.Tensor]:
        """The same, batch by batch."""
        for part in present.split(self.at_once):
            kept = part.to(self.labels.device)[:, self.labels]
            own = torch.zeros(len(part), dtype=torch.long)
            filled = self.filling(kept, own)
            yield self.subject.scores(filled, self.target, own).double().cpu()

    def ends(self) -> tuple[float, float]:
        """The scores of nobody, and of everybody."""
        both = torch.tensor([[False], [True]]).expand(2, self.players)
        nobody, everybody = self(both).tolist()
        return nobody, everybody

    def paint(self, worth: torch.Tensor) -> torch.Tensor:
        """Each player's number on its segment, (1, height, width)."""
        return worth.to(self.filling.x)[self.labels][None]
