import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import places, read, without_order
from ..removal import removal_scores


class ROAD(Evaluation, title="ROAD", source="rong2022"):
    """Remove and debias: what the score loses when removed pixels leave no trace of their shape.

    (LeRF − MoRF) ÷ 2, averaged over 10, 20 ... 90 % of the pixels removed: the score when the least
    relevant go first, less that when the most relevant do; higher is better, and a random map gets
    0. A removed pixel becomes the weighted mean of its neighbours, 1/6 beside it and 1/12 at its
    corners, plus a little noise (Rong et al. 2022), so that the network cannot read the mask's
    shape, which gives away the class in other fills. The paper follows the accuracy over a data
    set; here it is the score of each input.

    Use it in ROAR's place where nothing can be trained: what is removed leaves no outline behind.

    It misleads in favour of smooth maps: a blur raises it, though it adds no knowledge. Compare
    maps of a like grain.
    """

    better = "higher"
    family = "faithfulness"

    spacing: int = knob(
        default=10, low=1, high=50, unit="percent", help="between the shares that are removed"
    )
    reading: str = reading_knob()
    fill: str = fill_knob("neighbours")
    scale: str = scale_knob("probability")
    seed: int = seed_knob("noise, and ties")

    @property
    def _percents(self) -> np.ndarray:
        return np.arange(self.spacing, 100, self.spacing)

    def cost(self, case: Case) -> Passes:
        """The explanation, and a forward pass a share and order."""
        own = explaining(case)
        return Passes(own.forward + 2 * len(self._percents), own.backward)

    def grade(self, case: Case) -> Graded:
        """The combined score of every input, and both curves."""
        maps = read(case.maps, self.reading)
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        counts = np.round(self._percents / 100 * maps[0].size).astype(np.int64)
        names = "most first", "least first"
        orders = np.concatenate([places(maps, name, self.seed) for name in names])
        scores = removal_scores(case.subject, case.target, filling, orders, counts, self.scale)
        most, least = scores[: len(case)], scores[len(case) :]
        values, warnings = without_order((least - most).mean(1) / 2, maps)
        shown = zip(names, (most, least), strict=True)
        removed = f"share of {case.subject.words.parts} removed"
        curves = {name: Curve(counts / maps[0].size, y, removed, self.scale) for name, y in shown}
        numbers = {"MoRF": float(most.mean()), "LeRF": float(least.mean())}
        return Graded(values, curves, warnings=warnings, numbers=numbers)
