import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import block_counts, block_places, block_side, without_order
from ..removal import removal_scores
from .pixel_flipping import aopc


class RegionPerturbation(Evaluation, title="Region perturbation", source="samek2017"):
    """Replace one region after another by noise, the most relevant first.

    AOPC = 1/(L + 1) Σₖ₌₀ᴸ [f(x) − f(xₖ)], k = 0 included, over the first L of the regions of a grid
    that do not overlap, each replaced by uniform noise, averaged over several draws of it (Samek et
    al. 2017: regions of 9 × 9 of 224 pixels, L = 100, 10 draws): higher is better. The side follows
    the picture's in that proportion.

    Use it where single pixels are too fine to matter, or to compare with the figures of Samek et
    al.

    It misleads through its noise, whose sharp edges some networks take for texture: compare with
    another fill before two methods are ranked.
    """

    better = "higher"
    family = "faithfulness"

    side: int = knob(
        default=9, low=1, high=112, unit="pixels of 224", log=True, help="side of a region"
    )
    regions: int = knob(
        default=100, low=1, high=10000, unit="regions", log=True, help="L: how many are replaced"
    )
    repeats: int = knob(
        default=3, low=1, high=100, unit="draws", help="draws of noise (the paper takes 10)"
    )
    reading: str = reading_knob()
    fill: str = fill_knob("noise")
    scale: str = scale_knob("probability")
    seed: int = seed_knob("noise, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, the intact input, and one forward pass a region and draw."""
        own = explaining(case)
        steps = len(block_counts(case.x, block_side(self.side, case.x))) - 1
        return Passes(own.forward + 1 + min(self.regions, steps) * self._draws, own.backward)

    @property
    def _draws(self) -> int:
        return self.repeats if self.fill in ("noise", "neighbours", "given", "rows") else 1

    def grade(self, case: Case) -> Graded:
        """AOPC of every input, and the curve."""
        side = block_side(self.side, case.x)
        means, order, counts = block_places(case.maps, side, self.reading, self.seed)
        counts = counts[: self.regions + 1]
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        about = case.subject, case.target, filling
        intact = removal_scores(*about, order, counts[:1], self.scale)
        orders = np.concatenate([order] * self._draws)
        gone = removal_scores(*about, orders, counts[1:], self.scale, fresh=True)
        mean = gone.reshape(self._draws, len(case), -1).mean(0)
        y = np.concatenate([intact, mean], 1)
        values, warnings = without_order(aopc(y), means)
        curve = Curve(np.arange(len(counts)), y, "regions replaced", self.scale)
        return Graded(values, {"most first": curve}, warnings=warnings)
