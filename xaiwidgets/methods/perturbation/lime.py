from collections.abc import Callable

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.table_subject import TableSubject
from xaiwidgets.core.target import BoundTarget

from ..sampling import precision_knob
from .game import Game, games_of
from .nearby_rows import NearbyRows
from .over_segments import OverSegments, segment_fill_knob
from .segments import SEGMENTATIONS
from .surrogate import Solve, Surrogate, fit, surrogate_maps

RIDGE = 1.0  # as in the paper's own code
NAMED = 3


class LIME(
    OverSegments,
    title="LIME",
    source="ribeiro2016",
    taxonomy={"models": "any", "access": "black box", "formulation": "proxy"},
):
    """Which superpixels a linear model of the network, fitted around this picture, counts on.

    Each is switched off with probability 1/2; the scores are fitted by ridge regression, copies
    weighing √exp(−d²/w²) at cosine distance d from the whole picture. R² says how much of the
    scores' variance the linear model explains. The strip shows the superpixels. The standard error
    comes with it.

    Of a table rows are drawn by the data, and the model sees for each column whether it lies in the
    same quarter of the data as the row's own (`quarters`), or its value in standard deviations;
    d is their distance as a share of √columns, and a coefficient belongs to what the facts say.

    Use it for a linear account of the network around one picture, text or row, on anything that
    gives scores.

    It misleads where R² is low: the map is then about little. Another cut into segments gives
    another map.

    >>> LIME(segments=30)(subject, x, target="star").numbers["r2"]
    0.76
    """

    usual = {
        "text": OverSegments.usual["text"],
        "table": {**OverSegments.usual["table"], "width": 0.75},
    }
    idle = {
        "picture": ("quarters",),
        "text": ("quarters",),
        "table": (*OverSegments.idle["table"], "fill"),
    }

    samples: int = knob(
        default=1000, low=4, high=20000, unit="copies", log=True, help="how many copies are asked"
    )
    segmentation: str = knob(
        default="slic", choices=SEGMENTATIONS, help=OverSegments.knobs["segmentation"].help
    )
    width: float = knob(
        default=0.25, low=0.05, high=5.0, step=0.05, log=True,
        help="how fast copies count less the more is switched off",
    )  # fmt: skip
    quarters: bool = knob(
        default=True, help="of a table: see columns by quarters of the data, not by their values"
    )
    fill: str = segment_fill_knob("segments")
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which copies are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a copy; the first is the whole picture."""
        return Passes(self.samples, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Each segment's coefficient, (batch, 1, height, width)."""
        if isinstance(subject, TableSubject):
            return self._of_rows(subject, x, target)
        labels = self.cut(subject, x)
        games = games_of(subject, x, target, labels, self.fill)
        found, models = surrogate_maps(
            x, games, self._plan, self.precision, self.shown(subject, labels, x)
        )
        return self._told(found, models, self.parts(subject), str)

    def _of_rows(self, subject: TableSubject, x: torch.Tensor, target: BoundTarget) -> Findings:
        nearby = [
            NearbyRows(subject, x[i : i + 1], target[i], self.quarters) for i in range(len(x))
        ]
        found, models = surrogate_maps(x, nearby, self._plan_rows, self.precision, [])
        return self._told(found, models, self.parts(subject), nearby[0].name)

    def _plan(self, game: Game) -> tuple[torch.Tensor, Solve]:
        copies = self.copies(game.players)
        distance = 1 - (copies.sum(1).double() / copies.shape[1]).sqrt()  # cosine, from all on
        z = copies.double()
        return copies, lambda scores: self.fitted(z, distance, scores)

    def _plan_rows(self, nearby: NearbyRows) -> tuple[torch.Tensor, Solve]:
        rows = self.rows(nearby)
        z = nearby.seen(rows.numpy())
        distance = (z - z[0]).norm(dim=1) / z.shape[1] ** 0.5
        return rows, lambda scores: self.fitted(z, distance, scores)

    def copies(self, players: int) -> torch.Tensor:
        """Which segments are on (copies, players); in the first all are."""
        draw = torch.Generator().manual_seed(self.seed)
        on = torch.rand(self.samples, players, generator=draw) < 0.5
        on[0] = True
        return on

    def rows(self, nearby: NearbyRows) -> torch.Tensor:
        """The rows of a table that are asked (copies, columns); the first is the row itself."""
        return torch.from_numpy(nearby.draw(self.samples, self.seed))

    def fitted(self, z: torch.Tensor, distance: torch.Tensor, scores: torch.Tensor) -> Surrogate:
        """The linear model of the first scores (copies,) over z (copies, features); its intercept,
        which is not held down, is left out."""
        done = len(scores)
        z = torch.cat([torch.ones(done, 1, dtype=z.dtype), z[:done]], 1)
        weights = (-distance[:done].square() / self.width**2).exp().sqrt()
        penalty = torch.full_like(z[0], RIDGE)
        penalty[0] = 0
        found = fit(z, scores, weights, penalty)
        return Surrogate(found.coefficients[1:], found.error[1:], found.r2)

    def _told(
        self, found: Findings, models: list[Surrogate], parts: str, name: Callable[[int], str]
    ) -> Findings:
        """Add how well the models fit, and of one input its strongest parts."""
        r2 = sum(model.r2 for model in models) / len(models)
        found.numbers["r2"] = r2
        found.facts.append(f"The linear model explains {100 * r2:.0f} % (R²).")
        if len(models) == 1:
            worth = models[0].coefficients
            top = worth.abs().argsort(descending=True)[:NAMED].tolist()
            named = ", ".join(f"{name(i)} ({float(worth[i]):+.2g})" for i in top)
            found.facts.append(f"Strongest {parts}: {named}.")
        if r2 < 0.5:
            found.warnings.append(
                "The linear model explains less than half of what the scores do: read little into "
                "it."
            )
        most = max(len(model.coefficients) for model in models)
        if self.samples <= most + 1:
            found.warnings.append(
                f"{self.samples} copies were asked about {most} {parts}: with so few the linear "
                f"model can follow any scores, and R² says nothing; ask some {10 * most}."
            )
        return found
