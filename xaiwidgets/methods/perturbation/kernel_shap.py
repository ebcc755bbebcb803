from itertools import product

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import precision_knob
from .game import Game, asked_each, games_of
from .over_segments import OverSegments
from .surrogate import Solve, Surrogate, fit, surrogate_maps


class KernelShap(
    OverSegments,
    title="Kernel SHAP",
    source="lundberg2017",
    taxonomy={"models": "any", "access": "black box", "formulation": "proxy"},
):
    """Share the score among the segments by Shapley's rules, from a linear model of the game.

    Of all linear models of the score over who is present, the one with weights
    (d − 1) ÷ (C(d, s) s (d − s)) on coalitions of s of d segments has the Shapley values for
    coefficients (Lundberg and Lee 2017). Coalitions are drawn by those weights, each with its
    opposite (Covert and Lee 2021); where there are few enough every one is asked, and the values
    are exact: of a table of up to ten columns. They add up to v(all) − v(none). The standard error
    comes with the map.

    Use it where the score has to be shared fairly among segments or columns, on anything that gives
    scores.

    It misleads through what stands for the absent: partly filled inputs are unlike anything the
    network was trained on, and another filling asks another question.
    """

    usual = {
        "text": OverSegments.usual["text"],
        "table": {**OverSegments.usual["table"], "samples": 2000},
    }

    samples: int = knob(
        default=1000, low=4, high=20000, unit="coalitions", log=True, help="how many are asked"
    )
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which coalitions are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a coalition, and two for nobody and everybody."""
        coalitions = self._asked(self.players(subject, x)) + 2
        return Passes(coalitions * asked_each(subject, self.fill), 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Each segment's share, (batch, 1, height, width)."""
        labels = self.cut(subject, x)
        games = games_of(subject, x, target, labels, self.fill)
        frames = self.shown(subject, labels, x)
        return surrogate_maps(x, games, self._plan, self.precision, frames)[0]

    def _plan(self, game: Game) -> tuple[torch.Tensor, Solve]:
        coalitions, weights = self._coalitions(game.players)
        ends = game.ends()

        def solve(scores: torch.Tensor) -> Surrogate:
            done = len(scores)
            found = _shares(coalitions[:done], scores, weights[:done], *ends)
            if self._exact(game.players) and done == len(coalitions):
                found.error = torch.zeros_like(found.error)
            return found

        return coalitions, solve

    def _exact(self, players: int) -> bool:
        """Whether every coalition is asked."""
        return players <= 20 and 2**players - 2 <= self.samples

    def _asked(self, players: int) -> int:
        return 2**players - 2 if self._exact(players) else self.samples

    def _coalitions(self, players: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Who is present (coalitions, players), and how much each coalition counts."""
        sizes = torch.arange(1, players, dtype=torch.float64)
        by_size = 1 / (sizes * (players - sizes))
        draw = torch.Generator().manual_seed(self.seed)
        if self._exact(players):
            some = list(product((False, True), repeat=players))[1:-1]
            every = torch.tensor(some, dtype=torch.bool).view(-1, players)
            many = torch.lgamma(torch.tensor(players + 1.0).double())
            count = (many - torch.lgamma(sizes + 1) - torch.lgamma(players - sizes + 1)).exp()
            every = every[torch.randperm(len(every), generator=draw)]
            return every, (by_size / count)[every.sum(1) - 1]
        pairs = -(-self.samples // 2)
        size = by_size.multinomial(pairs, replacement=True, generator=draw) + 1
        place = torch.rand(pairs, players, generator=draw).argsort(1).argsort(1)
        present = place < size[:, None]
        both = torch.stack([present, ~present], 1).flatten(0, 1)[: self.samples]
        return both, torch.ones(len(both), dtype=torch.float64)


def _shares(
    present: torch.Tensor, scores: torch.Tensor, weights: torch.Tensor, nobody: float, all_: float
) -> Surrogate:
    """Shares that add up to the whole: an equal one each, and what the rows less their mean, which
    lie where shares add up to nothing, explain of the rest."""
    players = present.shape[1]
    z = present.double()
    equal = (all_ - nobody) / players
    rest = scores - nobody - equal * z.sum(1)
    z = z - z.mean(1, keepdim=True)
    found = fit(z, rest, weights, torch.zeros(players).double(), together=2)
    found.coefficients = equal + found.coefficients
    return found
