from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import block_counts, block_places, block_side, without_order
from ..removal import area, removal_scores


class Selectivity(Evaluation, title="Selectivity", source="montavon2018"):
    """How steeply the score falls when patches go in the order of their relevance.

    The area under f(x₀), f(x₁) ... f(x_K) over the share of pixels removed, patch after patch, the
    most relevant first (Montavon et al. 2018, section 7.2): lower is better. The paper takes 4 × 4
    patches of digits with 28 pixels a side; here their side follows the picture's in the same
    proportion.

    Use it for maps about as coarse as a patch, or to compare with the figures of Montavon et al.

    It misleads about maps finer than a patch, which are judged by its mean alone; and a picture
    full of filled patches is like nothing that the network has seen.
    """

    better = "lower"
    family = "faithfulness"
    takes = ("picture", "text")

    side: int = knob(
        default=32, low=4, high=112, unit="pixels of 224", log=True, help="side of a patch"
    )
    reading: str = reading_knob()
    fill: str = fill_knob("mean")
    scale: str = scale_knob("probability")
    seed: int = seed_knob("noise, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, and one forward pass a patch."""
        own, side = explaining(case), block_side(self.side, case.x)
        return Passes(own.forward + len(block_counts(case.x, side)), own.backward)

    def grade(self, case: Case) -> Graded:
        """The area of every input, and the curve."""
        side = block_side(self.side, case.x)
        means, order, counts = block_places(case.maps, side, self.reading, self.seed)
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        y = removal_scores(case.subject, case.target, filling, order, counts, self.scale)
        values, warnings = without_order(area(y), means)
        curve = Curve(counts / counts[-1], y, "share of patches removed", self.scale)
        return Graded(values, {"most first": curve}, warnings=warnings)
