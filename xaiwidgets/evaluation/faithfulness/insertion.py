from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..asking import SCALE_HELP, SCALES, substrate_words
from ..filling import FILL_HELP, FILLS, Filling
from ..ordering import READING_HELP, READINGS, places, read, without_order
from ..removal import area, removal_scores, shares


class Insertion(Evaluation, title="Insertion", source="petsiuk2018"):
    """How soon the probability is there when the most important pixels are drawn in first.

    The area under f over the share of pixels inserted, (Σ − first/2 − last/2) ÷ (points − 1), from
    a blurred picture to the intact one (Petsiuk et al. 2018): higher is better. The paper begins
    with its `light blur`, 11 × 11 pixels of a Gaussian of σ 5, in which networks often still see
    the class, so that every map does well; the default blur here grows with the picture. The score
    of the beginning stands in the facts, with a warning where it is far from chance.
    """

    better = "higher"
    family = "faithfulness"

    steps: int = knob(
        default=64, low=2, high=1000, unit="steps", log=True, help="points of the curve"
    )
    reading: str = knob(default="signed", choices=READINGS, help=READING_HELP)
    fill: str = knob(
        default="blur", choices=("light blur", *FILLS),
        help=f"{FILL_HELP}; light blur is the paper's own beginning",
    )  # fmt: skip
    scale: str = knob(default="probability", choices=SCALES, help=SCALE_HELP)
    seed: int = knob(default=0, low=0, high=9999, help="noise, and ties")

    def cost(self, case: Case) -> Passes:
        """The explanation, and one forward pass a point."""
        own = explaining(case)
        return Passes(own.forward + self.steps + 1, own.backward)

    def grade(self, case: Case) -> Graded:
        """The area of every input, and the curve."""
        maps = read(case.maps, self.reading)
        filling = Filling(self.fill, case.subject, case.x, self.seed)
        order, counts = places(maps, "most first", self.seed), shares(maps[0].size, self.steps)
        about = case.subject, case.target
        y = removal_scores(*about, filling, order, counts, self.scale, insert=True)
        values, warnings = without_order(area(y), maps)
        fact, doubts = substrate_words(*about, self.scale, y[:, 0], y[:, -1])
        curve = Curve(counts / counts[-1], y, "share of pixels inserted", self.scale)
        numbers = {"intact": float(y[:, -1].mean()), "substrate": float(y[:, 0].mean())}
        return Graded(values, {"insertion": curve}, [fact], warnings + doubts, numbers)
