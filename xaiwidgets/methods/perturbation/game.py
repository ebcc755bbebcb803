"""Segments as the players of a game: from who takes part to the target's score."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from xaiwidgets.core.filling import Filling, spread
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from . import segments
from .scores_of import scores_of


def asked_each(subject: Subject, fill: str) -> int:
    """How many inputs a coalition is asked as: the mean over so many rows of the data, where these
    stand for who is absent."""
    return subject.background if fill == "rows" else 1


def games_of(
    subject: Subject, x: torch.Tensor, target: BoundTarget, labels: torch.Tensor, fill: str
) -> Iterator[Game]:
    """A game for each input; all ask the same copy of the network."""
    asked = subject.quick(x)
    for i, own in enumerate(labels):
        yield Game(asked, x[i : i + 1], target[i], own, fill)


class Game:
    """One input `x` (1, channels, height, width) cut into segments `labels` (height, width); who is
    absent is filled. Where rows of the data fill, a score is the mean over several of them."""

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
        self.draws = torch.arange(asked_each(subject, fill))
        self.at_once = max(1, subject.batch_size(x, backward=False) // len(self.draws))
        self.pieced = False

    def __call__(self, present: torch.Tensor) -> torch.Tensor:
        """The scores (coalitions,) where `present` (coalitions, players) says who takes part, in
        double precision on the CPU."""
        return torch.cat([torch.empty(0, dtype=torch.float64), *self.scores(present)])

    def scores(self, present: torch.Tensor) -> Iterator[torch.Tensor]:
        """The same, batch by batch; of no coalition there is none."""
        times = len(self.draws)
        if self._many(present):
            self.subject = self._pieced(len(present))
        for part in self._parts(present):
            kept = spread(part.to(self.labels.device), self.labels).repeat_interleave(times, 0)
            own = torch.zeros(len(kept), dtype=torch.long)
            filled = self.filling(kept, own, self.draws.repeat(len(part)))
            yield scores_of(self.subject, filled, self.target).view(-1, times).mean(1)

    def _parts(self, present: torch.Tensor) -> Iterator[torch.Tensor]:
        """Coalitions batch by batch; the first is not larger than before anything was asked."""
        more = max(1, self.subject.batch_size(self.filling.x, backward=False) // len(self.draws))
        for part in (present[: self.at_once], *present[self.at_once :].split(more)):
            if len(part):
                yield part

    def _many(self, present: torch.Tensor) -> bool:
        """Whether coalitions are many that differ in more than one player who leaves and one who
        joins, which is less work in windows (see `windows`), and one picture stands for all who
        are absent."""
        same = len(self.draws) == 1 and self.filling.name != "neighbours"
        if self.pieced or not same or len(present) <= 2 * self.at_once:
            return False
        self.pieced = bool((present[1:] != present[:-1]).sum(1).double().mean() > 2)
        return self.pieced

    def _pieced(self, rows: int) -> Subject:
        x, nobody = self.filling.x, torch.zeros(1, *self.labels.shape, dtype=torch.bool)
        absent = self.filling(nobody.to(x.device), torch.zeros(1, dtype=torch.long), self.draws)
        return self.subject.pieced(self.labels, x, absent, rows)

    def ends(self) -> tuple[float, float]:
        """The scores of nobody, and of everybody."""
        both = torch.tensor([[False], [True]]).expand(2, self.players)
        nobody, everybody = self(both).tolist()
        return nobody, everybody

    def paint(self, worth: torch.Tensor) -> torch.Tensor:
        """Each player's number on its segment, (1, height, width)."""
        return worth.to(self.filling.x)[self.labels][None]
