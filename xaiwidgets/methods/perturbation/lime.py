import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import precision_knob
from .game import Game, segment_fill_knob
from .segments import (
    BY_TOKEN,
    NOT_BY_TOKEN,
    compactness_knob,
    cut,
    segmentation_knob,
    segments_knob,
)
from .surrogate import Solve, Surrogate, fit, surrogate_maps

RIDGE = 1.0  # as in the paper's own code
NAMED = 3


class LIME(
    Attribution,
    title="LIME",
    source="ribeiro2016",
    taxonomy={"models": "any", "access": "black box", "formulation": "proxy"},
):
    """Which superpixels a linear model of the network, fitted around this picture, counts on.

    Each is switched off with probability 1/2; the scores are fitted by ridge regression, copies
    weighing √exp(−d²/w²) at cosine distance d from the whole picture. R² says how much of the
    scores' variance the linear model explains: where it is low, the map is about little. The strip
    shows the superpixels; another cut gives another map. The standard error comes with it.

    >>> LIME(segments=30)(subject, x, target="star").numbers["r2"]
    0.76
    """

    usual = BY_TOKEN
    lacks = NOT_BY_TOKEN

    samples: int = knob(
        default=1000, low=4, high=20000, unit="copies", log=True, help="how many copies are asked"
    )
    segmentation: str = segmentation_knob("slic")
    segments: int = segments_knob()
    compactness: float = compactness_knob()
    width: float = knob(
        default=0.25, low=0.05, high=5.0, step=0.05, log=True,
        help="how fast copies count less the more is switched off",
    )  # fmt: skip
    fill: str = segment_fill_knob("segments")
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which copies are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a copy; the first is the whole picture."""
        return Passes(self.samples, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Each segment's coefficient, (batch, 1, height, width)."""
        labels = cut(subject, x, self.segmentation, self.segments, self.compactness)
        found, models = surrogate_maps(
            subject, x, target, labels, self.fill, self._plan, self.precision
        )
        return _told(found, models)

    def _plan(self, game: Game) -> tuple[torch.Tensor, Solve]:
        copies = self.copies(game.players)
        return copies, lambda scores: self.fitted(copies[: len(scores)], scores)

    def copies(self, players: int) -> torch.Tensor:
        """Which segments are on (copies, players); in the first all are."""
        draw = torch.Generator().manual_seed(self.seed)
        on = torch.rand(self.samples, players, generator=draw) < 0.5
        on[0] = True
        return on

    def fitted(self, on: torch.Tensor, scores: torch.Tensor) -> Surrogate:
        """The linear model of scores (copies,) over segments (copies, players); its intercept,
        which is not held down, is left out."""
        z = torch.cat([torch.ones(len(on), 1), on], 1).double()
        distance = 1 - (on.sum(1).double() / on.shape[1]).sqrt()  # cosine, from all on
        weights = (-distance.square() / self.width**2).exp().sqrt()
        penalty = torch.full_like(z[0], RIDGE)
        penalty[0] = 0
        found = fit(z, scores, weights, penalty, torch.arange(len(z)))
        return Surrogate(found.coefficients[1:], found.error[1:], found.r2)


def _told(found: Findings, models: list[Surrogate]) -> Findings:
    """Add how well the models fit, and of one picture the strongest segments."""
    r2 = sum(model.r2 for model in models) / len(models)
    found.numbers["r2"] = r2
    found.facts.append(f"The linear model explains {100 * r2:.0f} % (R²).")
    if len(models) == 1:
        worth = models[0].coefficients
        top = worth.abs().argsort(descending=True)[:NAMED].tolist()
        named = ", ".join(f"{i} ({float(worth[i]):+.2g})" for i in top)
        found.facts.append(f"Strongest segments: {named}.")
    if r2 < 0.5:
        found.warnings.append(
            "The linear model explains less than half of what the scores do: read little into it."
        )
    return found
