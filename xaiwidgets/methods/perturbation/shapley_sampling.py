from collections.abc import Callable

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import Moments, enough, precision_knob, report_error
from .game import Game, asked_each, games_of
from .over_segments import OverSegments

_JOINING = "The first order so far: a segment that has not joined yet is 0."


class ShapleySampling(
    OverSegments,
    title="Shapley sampling",
    source="strumbelj2010",
    taxonomy={"models": "any", "access": "black box"},
):
    """What each segment adds to the score on average, whichever others came before it.

    Segments join one by one in a random order; the mean rise when a segment joins is its Shapley
    value. Every order is also walked backwards, which cancels much of the noise (Castro et al.
    2009; Mitchell et al. 2022). Values add up to v(all) − v(none) exactly, after every order. The
    standard error comes with the map.

    Use it where the score has to be shared fairly among segments, and has to add up after every
    order.

    It misleads through what stands for the absent: partly filled pictures are unlike anything the
    network was trained on, and another filling asks another question.
    """

    samples: int = knob(
        default=20, low=4, high=1000, unit="orders", log=True, help="how many random orders"
    )
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which orders are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a segment and order but for the last to join, and two for nobody and
        everybody; SLIC may make fewer segments."""
        coalitions = self.samples * (self.players(subject, x) - 1) + 2
        return Passes(coalitions * asked_each(subject, self.fill), 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The mean rise on every segment, (batch, 1, height, width)."""
        labels = self.cut(subject, x)
        values, error = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        frames, done = self.shown(subject, labels, x), 0

        def found() -> Findings:
            return Findings(values.clone(), error.clone(), frames)

        for i, game in enumerate(games_of(subject, x, target, labels, self.fill)):
            nobody, everybody = game.ends()
            orders = self._orders(game.players)
            moments, done = Moments(torch.zeros(1, game.players, dtype=torch.float64)), 0
            for part in orders.split(max(1, game.at_once // (2 * game.players)) * 2):
                early = self._early(i, game, found) if not done else _unseen
                rises = _rises(game, part, nobody, everybody, early)
                both_ways = torch.stack([pair.mean(0) for pair in rises.split(2)])
                moments.add(both_ways[:, None])
                moments.count += len(both_ways)
                done += len(part)
                values[i], error[i] = game.paint(moments.mean()[0]), game.paint(moments.error()[0])
                if enough(found, self.precision, done, self.samples):
                    break
        return report_error(found(), done, self.samples)

    def _early(
        self, i: int, game: Game, found: Callable[[], Findings]
    ) -> Callable[[torch.Tensor], None]:
        """Shows the first order as far as it went."""

        def show(rises: torch.Tensor) -> None:
            def so_far() -> Findings:
                seen = found()
                seen.values[i] = game.paint(rises)
                assert seen.error is not None
                seen.error[i] = seen.values[i].abs()
                seen.facts.append(_JOINING)
                return seen

            current_job().show(so_far)

        return show

    def _orders(self, players: int) -> torch.Tensor:
        """Who joins when, (orders, players): each random order is followed by its reverse."""
        draw = torch.Generator().manual_seed(self.seed)
        there = torch.rand(-(-self.samples // 2), players, generator=draw).argsort(1)
        return torch.stack([there, there.flip(1)], 1).flatten(0, 1)[: self.samples]


def _unseen(rises: torch.Tensor) -> None:
    """Looks at nothing."""


def _rises(
    game: Game, orders: torch.Tensor, nobody: float, everybody: float,
    look: Callable[[torch.Tensor], None] = _unseen,
) -> torch.Tensor:  # fmt: skip
    """How far the score rises when each player joins, (orders, players). `look` is handed those of
    the first order after every batch, 0 for who has not joined yet."""
    count, players = orders.shape
    place = orders.argsort(1)
    joined = place[:, None] <= torch.arange(players - 1)[:, None]
    asked = torch.full((1,), nobody, dtype=torch.float64)
    for scores in game.scores(joined.flatten(0, 1)):
        asked = torch.cat([asked, scores])
        steps = asked[:players].diff()
        look(steps.new_zeros(players).index_copy(0, orders[0, : len(steps)], steps))
    between = asked[1:].view(count, players - 1)
    first, last = (between.new_full((count, 1), end) for end in (nobody, everybody))
    return torch.cat([first, between, last], 1).diff(dim=1).gather(1, place)
