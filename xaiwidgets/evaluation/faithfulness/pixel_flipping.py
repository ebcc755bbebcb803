import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..asking import SCALE_HELP, SCALES
from ..filling import FILL_HELP, FILLS, Filling
from ..ordering import ORDER_HELP, ORDERS, places
from ..removal import removal_scores, shares


class PixelFlipping(Evaluation, title="Pixel flipping", source="bach2015"):
    """Take pixels away in the map's own order, and see how fast the score falls.

    AOPC = 1/(L + 1) Σₖ₌₀ᴸ [f(x) − f(xₖ)] (Samek et al. 2017), k = 0 included: higher is better when
    the most important go first (MoRF), lower when the least important do (LeRF). The curve beside
    it is the same order drawn by lot: a map that does no better has told the network's pixels apart
    no better than chance. Filled pixels are not what the network was trained on, so the choice of
    what fills them moves every number.
    """

    better = "higher"
    family = "faithfulness"

    order: str = knob(default="most first", choices=ORDERS, help=ORDER_HELP)
    steps: int = knob(
        default=32, low=2, high=1000, unit="steps", log=True, help="points of the curve"
    )
    fill: str = knob(default="mean", choices=FILLS, help=FILL_HELP)
    scale: str = knob(default="probability", choices=SCALES, help=SCALE_HELP)
    control: bool = knob(default=True, help="also follow a random order")
    seed: int = knob(default=0, low=0, high=9999, help="the random order, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, and one forward pass a point of each curve."""
        own = explaining(case)
        return Passes(own.forward + (self.steps + 1) * (1 + self.control), own.backward)

    def grade(self, case: Case) -> Graded:
        """AOPC of every input, and the curves."""
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        counts = shares(case.maps[0].size, self.steps)
        across = counts / case.maps[0].size
        curves = {}
        for name in (self.order, "random") if self.control else (self.order,):
            order = places(case.maps, name, self.seed)
            scores = removal_scores(case.subject, case.target, filling, order, counts, self.scale)
            curves[name] = Curve(across, scores, "share of pixels removed", self.scale)
        fallen = {name: aopc(curve.y) for name, curve in curves.items()}
        found = Graded(fallen[self.order], curves)
        if self.control:
            found.numbers["random"] = float(fallen["random"].mean())
        return found


def aopc(curve: np.ndarray) -> np.ndarray:
    """1/(L + 1) Σ [f(x) − f(xₖ)] of curves (inputs, L + 1)."""
    return curve[:, 0] - curve.mean(1)
