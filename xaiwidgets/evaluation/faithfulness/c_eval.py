import numpy as np
import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.target import BoundTarget

from ..asking import single_class
from ..knobs import reading_knob, seed_knob
from ..ordering import places, read, without_order


class CEval(Evaluation, title="c-Eval", source="vu2019"):
    """How hard it is to change the class without touching what the map calls important.

    min ‖δ‖₂ such that the class of x + δ is another, where δ = 0 on the most important `share` of
    the pixels (Vu et al. 2019): higher is better, for when the evidence is held fast the rest can
    do little. `numbers` has the same for as many pixels drawn by lot. The minimum is sought, as
    attacks seek it, from above: steps to the border with the strongest other class by its gradient
    on the free pixels (DeepFool's step, Moosavi-Dezfooli et al. 2016), then halving of the way back
    to x. The paper uses iterated gradient signs and Carlini & Wagner's attack. δ is measured in the
    network's own units and is not kept within a picture's range.

    For an affine network what is held has to be where the weights are large, whatever their sign,
    and so maps are read by size: on the zoo (16 pictures, a tenth held) the gradient reached 17.5
    by size and 10.9 with signs, integrated gradients 18.7 and 13.7, random pixels 8.9.

    Use it to ask whether what a map calls important holds the class in place.

    It misleads on a network that is easily fooled, which has low values for every map: read it
    beside the lot.
    """

    better = "higher"
    family = "faithfulness"
    needs_gradients = True

    share: float = knob(
        default=0.1, low=0.001, high=0.95, log=True, unit="of the pixels",
        help="how many of the most important pixels are held fast",
    )  # fmt: skip
    reading: str = reading_knob("absolute")
    steps: int = knob(
        default=16, low=1, high=200, unit="steps", log=True, help="at most, to another class"
    )
    halvings: int = knob(
        default=6, low=0, high=20, unit="steps", help="of the way back, to the smallest change"
    )
    control: bool = knob(default=True, help="also hold as many random pixels fast")
    seed: int = seed_knob("the random pixels, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, and at most so many steps, a last look, and halvings, for each map; an
        input whose class has changed takes no further steps."""
        own, maps = explaining(case), 1 + self.control
        return Passes(
            own.forward + maps * (self.steps + 1 + self.halvings), own.backward + maps * self.steps
        )

    def grade(self, case: Case) -> Graded:
        """The smallest change of every input that was found."""
        if not single_class(case.target):
            raise ExplainError(
                "c-Eval asks when the class changes; give one class as the target of each input, "
                "not a contrast or a function."
            )
        maps = read(case.maps, self.reading)
        orders = ["most first", "random"] if self.control else ["most first"]
        count = max(1, round(self.share * maps[0].size))
        free = np.concatenate([places(maps, order, self.seed) >= count for order in orders])
        found = self._smallest(case, torch.as_tensor(free, device=case.x.device))
        own = found[: len(case)]
        values, warnings = without_order(own, maps)
        if np.isnan(own).any():
            warnings.append(
                f"For {int(np.isnan(own).sum())} of {len(case)} inputs no change of class was "
                f"found in {self.steps} steps, or another class leads from the start: no score "
                "(NaN)."
            )
        graded = Graded(values, warnings=warnings)
        if self.control:
            chance = found[len(case) :]
            known = chance[~np.isnan(chance)]
            graded.numbers["random"] = float(known.mean()) if len(known) else float("nan")
        return graded

    def _smallest(self, case: Case, free: torch.Tensor) -> np.ndarray:
        rows = torch.arange(len(free), device=free.device) % len(case)
        size = case.subject.batch_size(case.x)
        lead = BoundTarget(case.target.labels, case.target.classes, rival=True)
        parts = [
            self._changed(case, lead, mask[:, None], which)
            for mask, which in zip(free.split(size), rows.split(size), strict=True)
        ]
        return torch.cat(parts).double().cpu().numpy()

    def _changed(
        self, case: Case, lead: BoundTarget, free: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        """The size of the smallest change (rows,) that takes the lead away, NaN where none does."""
        x = case.x[rows]
        change, still = torch.zeros_like(x), torch.arange(len(x), device=x.device)
        behind = still[:0]  # where another class leads from the start
        for turn in range(self.steps):
            slope, by = case.subject.gradient_and_score(x[still] + change[still], lead, rows[still])
            slope, ahead = slope * free[still], by > 0
            steep = slope.square().sum((1, 2, 3)).clamp_min(1e-30)
            length = (1.02 * by + 1e-6) / steep  # a little beyond the border, which is not straight
            if turn == 0:
                behind = still[~ahead]
            still, slope, length = still[ahead], slope[ahead], length[ahead]
            if not len(still):
                break
            change[still] -= length[:, None, None, None] * slope
        ahead = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if len(still):
            last = case.subject.scores(x[still] + change[still], lead, rows[still]) > 0
            ahead[still[last]] = True
        ahead[behind] = True
        low, high = torch.zeros(len(x)).to(x), torch.ones(len(x)).to(x)
        won = (~ahead).nonzero()[:, 0]
        for _ in range(self.halvings if len(won) else 0):
            middle = (low[won] + high[won]) / 2
            near = x[won] + middle[:, None, None, None] * change[won]
            changed = case.subject.scores(near, lead, rows[won]) <= 0
            high[won] = torch.where(changed, middle, high[won])
            low[won] = torch.where(changed, low[won], middle)
        sizes = high * change.square().sum((1, 2, 3)).sqrt()
        return torch.where(ahead, torch.full_like(sizes, float("nan")), sizes)
