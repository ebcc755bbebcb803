"""Linear models of a game: weighted least squares with a standard error for every coefficient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F

from xaiwidgets.core.answers import Findings, Frame

from ..sampling import enough, report_error

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
    together: int = 1,
) -> Surrogate:  # fmt: skip
    """Minimise Σ w (score − z c)² + Σ penalty c² over rows `z` (rows, columns), in double
    precision.

    The standard error is the sandwich (White 1980), which needs no equal noise; so many rows after
    one another were drawn `together`. With fewer draws than columns nothing is known of it: it is
    then as large as the largest coefficient.
    """
    weighted = z * weights[:, None]
    inverse = torch.linalg.pinv(weighted.T @ z + torch.diag(penalty), rtol=1e-10, hermitian=True)
    found = inverse @ (weighted.T @ scores)
    left = scores - z @ found
    pulls = _summed(weighted * left[:, None], together)
    spread = (pulls @ inverse).square().sum(0)
    freedom = len(pulls) - z.shape[1]
    error = (spread * len(pulls) / max(freedom, 1)).sqrt()
    if freedom <= 0:
        error = found.abs().amax().expand_as(found)
    mean = (weights @ scores) / weights.sum()
    variance = weights @ (scores - mean).square()
    r2 = 1 - float(weights @ left.square()) / max(float(variance), 1e-30)
    return Surrogate(found, error, r2)


def _summed(rows: torch.Tensor, together: int) -> torch.Tensor:
    """Sums over so many rows after one another; the last may be of fewer."""
    if together == 1:
        return rows
    filled = F.pad(rows, (0, 0, 0, -len(rows) % together))
    return filled.view(-1, together, rows.shape[1]).sum(1)


class Played(Protocol):
    """What a linear model is fitted to: scores of one input as its parts change."""

    def scores(self, present: torch.Tensor) -> Iterator[torch.Tensor]:
        """The scores of what is asked, batch by batch, in double precision on the CPU."""

    def paint(self, worth: torch.Tensor) -> torch.Tensor:
        """Each part's number where it lies, (1, height, width)."""


P = TypeVar("P", bound=Played)


def surrogate_maps(
    x: torch.Tensor,
    games: Iterable[P],
    plan: Callable[[P], tuple[torch.Tensor, Solve]],
    precision: float,
    frames: list[Frame],
) -> tuple[Findings, list[Surrogate]]:
    """Every input's linear model over its parts, painted on them, and the models themselves.

    There is a game for each input; `plan` makes of it what is to be asked, such as coalitions
    (coalitions, players), and what finds a model with one coefficient a part from the scores of the
    first of them. `frames` show the cut.
    """
    maps = _Maps(x, frames)
    models, done, asked = [], 0, 0
    for i, game in enumerate(games):
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

    def __init__(self, x: torch.Tensor, frames: list[Frame]) -> None:
        self.values, self.error = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        self.frames = frames

    def having(self, i: int, game: Played, model: Surrogate) -> Findings:
        """What is found, with one input's model painted."""
        self.values[i], self.error[i] = game.paint(model.coefficients), game.paint(model.error)
        return self.found()

    def found(self) -> Findings:
        return Findings(self.values.clone(), self.error.clone(), list(self.frames))
