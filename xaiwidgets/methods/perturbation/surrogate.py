"""Linear models of a game: weighted least squares with a standard error for every coefficient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import enough, report_error
from .game import Game
from .segments import as_frame

Solve = Callable[[torch.Tensor], "Surrogate"]


@dataclass
class Surrogate:
    """Σ_j c_j z_j fitted to scores: `coefficients` and their standard `error` (columns,), and the
    weighted share `r2` of the scores' variance that it explains."""

    coefficients: torch.Tensor
    error: torch.Tensor
    r2: float


def fit(
    z: torch.Tensor, scores: torch.Tensor, weights: torch.Tensor, penalty: torch.Tensor,
    groups: torch.Tensor,
) -> Surrogate:  # fmt: skip
    """Minimise Σ w (score − z c)² + Σ penalty c² over rows `z` (rows, columns), in double
    precision.

    The standard error is the sandwich (White 1980), which needs no equal noise; rows of one group
    were drawn together. With fewer groups than columns nothing is known of it: it is then as large
    as the largest coefficient.
    """
    weighted = z * weights[:, None]
    inverse = torch.linalg.pinv(weighted.T @ z + torch.diag(penalty), rtol=1e-10, hermitian=True)
    found = inverse @ (weighted.T @ scores)
    left = scores - z @ found
    count = int(groups.max()) + 1
    pulls = torch.zeros(count, z.shape[1], dtype=z.dtype)
    pulls.index_add_(0, groups, weighted * left[:, None])
    spread = (inverse @ (pulls.T @ pulls) @ inverse).diagonal().clamp_min(0)
    freedom = count - z.shape[1]
    error = (spread * count / max(freedom, 1)).sqrt()
    if freedom <= 0:
        error = found.abs().amax().expand_as(found)
    mean = (weights @ scores) / weights.sum()
    variance = weights @ (scores - mean).square()
    r2 = 1 - float(weights @ left.square()) / max(float(variance), 1e-30)
    return Surrogate(found, error, r2)


def surrogate_maps(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    labels: torch.Tensor,
    fill: str,
    plan: Callable[[Game], tuple[torch.Tensor, Solve]],
    precision: float,
) -> tuple[Findings, list[Surrogate]]:
    """Every input's linear model over its segments, painted on them, and the models themselves.

    `plan` makes of a game the coalitions to be asked (coalitions, players), and what finds a model
    with one coefficient a player from the scores of the first of them.
    """
    maps = _Maps(x, as_frame(labels, x))
    models, done, asked = [], 0, 0
    for i, own in enumerate(labels):
        game = Game(subject, x[i : i + 1], target[i], own, fill)
        coalitions, solve = plan(game)
        scores, asked = torch.empty(0, dtype=torch.float64), len(coalitions)
        for batch in game.scores(coalitions):
            scores = torch.cat([scores, batch])
            done = len(scores)
            if enough(lambda: maps.having(i, game, solve(scores)), precision, done, asked):  # noqa: B023
                break
        models.append(solve(scores))
        maps.having(i, game, models[-1])
    return report_error(maps.found(), done, asked), models


class _Maps:
    """Values and errors of every input, as far as they are known."""

    def __init__(self, x: torch.Tensor, frame: Frame) -> None:
        self.values, self.error = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        self.frame = frame

    def having(self, i: int, game: Game, model: Surrogate) -> Findings:
        """What is found, with one input's model painted."""
        self.values[i], self.error[i] = game.paint(model.coefficients), game.paint(model.error)
        return self.found()

    def found(self) -> Findings:
        return Findings(self.values.clone(), self.error.clone(), [self.frame])
