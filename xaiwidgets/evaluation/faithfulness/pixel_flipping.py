import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import ORDER_HELP, ORDERS, places, read, without_order
from ..removal import several, shares


class PixelFlipping(Evaluation, title="Pixel flipping", source="bach2015"):
    """Take pixels away in the map's own order, and see how fast the score falls.

    AOPC = 1/(L + 1) Σₖ₌₀ᴸ [f(x) − f(xₖ)] (Samek et al. 2017), k = 0 included: higher is better when
    the most important go first (MoRF), lower when the least important do (LeRF). The curve beside
    it is the mean over several orders drawn by lot, between the lowest and the highest of them: a
    map that stays inside has told the network's pixels apart no better than chance.

    Use it as the first test of faithfulness: for any map, with orders drawn by lot beside it.

    It misleads through its filling: filled pixels are not what the network was trained on, so that
    what fills them moves every number.
    """

    better = "higher"
    family = "faithfulness"

    order: str = knob(default="most first", choices=ORDERS, help=ORDER_HELP)
    reading: str = reading_knob()
    steps: int = knob(
        default=32, low=2, high=1000, unit="steps", log=True, help="points of the curve"
    )
    fill: str = fill_knob("mean")
    scale: str = scale_knob("probability")
    controls: int = knob(
        default=3, low=0, high=100, unit="orders", help="random orders to compare with"
    )
    seed: int = seed_knob("the random orders, noise, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, and one forward pass a point of each curve, their ends shared."""
        own = explaining(case)
        return Passes(own.forward + self.steps + 1 + self.controls * (self.steps - 1), own.backward)

    def grade(self, case: Case) -> Graded:
        """AOPC of every input, and the curves."""
        maps = read(case.maps, self.reading)
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        counts = shares(maps[0].size, self.steps)
        chance = [places(maps, "random", self.seed + 1 + i) for i in range(self.controls)]
        orders = [places(maps, self.order, self.seed), *chance]
        own, *random = several(case.subject, case.target, filling, orders, counts, self.scale)
        curves = {self.order: own}
        if random:
            curves.setdefault("random", np.mean(random, 0))
            curves["random, lowest"] = np.min(random, 0)
            curves["random, highest"] = np.max(random, 0)
        found = Graded(aopc(own))
        if self.order != "random":
            found.values, found.warnings = without_order(found.values, maps)
        across = counts / maps[0].size
        for name, y in curves.items():
            removed = f"share of {case.subject.words.parts} removed"
            found.curves[name] = Curve(across, y, removed, self.scale)
        if random:
            found.numbers["random"] = float(np.mean([aopc(one) for one in random]))
        return found


def aopc(curve: np.ndarray) -> np.ndarray:
    """1/(L + 1) Σ [f(x) − f(xₖ)] of curves (inputs, L + 1)."""
    return curve[:, 0] - curve.mean(1)
