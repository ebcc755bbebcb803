import torch
import torch.nn.functional as F

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import fill_knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.numbers import whole_percent
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .covered import Covered, elsewhere

JITTER = 2  # pixels by which the picture moves, so that the mask cannot fit single pixels
RATE = 0.05
POWER = 3.0  # of differences between cells, as in the paper


class MeaningfulPerturbation(
    Attribution,
    title="Meaningful perturbation",
    source="fong2017",
    taxonomy={"formulation": "dependence"},
):
    """The smallest smooth region whose blurring takes the score away, found by gradient descent.

    A coarse mask m minimises share(x∘m + fill∘(1 − m)) + `size` · mean(1 − m) + `smoothness` · mean
    |∇m|³, where share is the score between the filled picture (0) and the whole (1); "preservation"
    instead keeps the smallest region that holds the score. Shown is 1 − m, or m. The facts compare
    with the same mask moved elsewhere.

    Use it to find a small region whose loss takes the class away.

    It misleads as a list of all evidence: the optimum is often a small part of the object, what is
    enough and not all that speaks.
    """

    takes = ("picture",)

    steps: int = knob(default=200, low=1, high=1000, unit="steps", log=True, help="of the descent")
    mode: str = knob(
        default="deletion", choices=("deletion", "preservation"),
        help="find what has to go for the score to fall, or what has to stay",
    )  # fmt: skip
    cells: int = knob(
        default=16, low=2, high=64, unit="cells", help="of the mask along the picture's longer side"
    )
    size: float = knob(
        default=3.0, low=0.01, high=30.0, log=True, help="what a whole picture of mask costs"
    )
    smoothness: float = knob(
        default=0.2, low=0.0, high=5.0, step=0.05, help="what differences between cells cost"
    )
    fill: str = fill_knob("blur")
    seed: int = knob(default=0, low=0, high=9999, help="how the picture is jittered")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """A forward and a backward pass a step; four forward passes to compare with."""
        return Passes(self.steps + 4, self.steps)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The mask's share of every pixel, (batch, 1, height, width)."""
        covered, rows = Covered(subject, x, target, self.fill), torch.arange(len(x))
        with differentiating():
            cells = self._searched(covered, rows, x)
        mask = _enlarged(cells, x)
        shares = [covered.share(kept, rows) for kept in (mask, elsewhere(mask))]
        found = Findings(self._shown(mask), warnings=covered.warnings())
        area, left, moved = (float(part.mean()) for part in (found.values, *shares))
        found.numbers = {"area": area, "score_left": left, "score_left_elsewhere": moved}
        what = "gone" if self.mode == "deletion" else "kept"
        found.facts.append(
            f"With {whole_percent(area)} of the picture {what}, {whole_percent(left)} of the score "
            f"is left; with the same mask moved elsewhere {whole_percent(moved)}."
        )
        return found

    def _shown(self, mask: torch.Tensor) -> torch.Tensor:
        return 1 - mask if self.mode == "deletion" else mask

    def _searched(self, covered: Covered, rows: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The coarse mask (inputs, 1, rows, columns), 1 where the picture is kept."""
        longer = max(x.shape[2:])
        grid = [max(1, round(min(self.cells, longer) * side / longer)) for side in x.shape[2:]]
        cells = torch.full((len(x), 1, *grid), 0.5, dtype=x.dtype, device=x.device)
        cells.requires_grad_()
        descent = torch.optim.Adam([cells], lr=RATE)
        sign = 1 if self.mode == "deletion" else -1
        draw = torch.Generator().manual_seed(self.seed)
        for _ in range(self.steps):
            down, across = torch.randint(-JITTER, JITTER + 1, (2,), generator=draw).tolist()
            descent.zero_grad()
            mask = _enlarged(cells, x)
            mask.backward(sign * covered.pull(mask.detach(), rows, (down, across)))
            costs = self.size * self._shown(cells).mean((1, 2, 3)) + self.smoothness * rough(cells)
            costs.sum().backward()
            descent.step()
            cells.data.clamp_(0, 1)
            current_job().show(lambda: Findings(self._shown(_enlarged(cells.detach(), x))))
        return cells.detach()


def _enlarged(cells: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(cells, size=x.shape[2:], mode="bilinear", align_corners=False)


def rough(cells: torch.Tensor) -> torch.Tensor:
    """The mean |difference|³ between neighbouring cells, of every mask (masks,)."""
    parts = [cells.diff(dim=axis).abs().pow(POWER).flatten(1) for axis in (2, 3)]
    return torch.stack([part.sum(1) / max(part.shape[1], 1) for part in parts]).sum(0)
