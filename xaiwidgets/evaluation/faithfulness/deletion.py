from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..asking import SCALE_HELP, SCALES, substrate_words
from ..filling import FILL_HELP, FILLS, Filling
from ..ordering import READING_HELP, READINGS, places, read, without_order
from ..removal import area, removal_scores, shares


class Deletion(Evaluation, title="Deletion", source="petsiuk2018"):
    """How soon the probability is gone when the most important pixels are deleted first.

    The area under f over the share of pixels deleted, (Σ − first/2 − last/2) ÷ (points − 1), from
    the intact picture to one of zeros (Petsiuk et al. 2018): lower is better. The paper takes as
    many steps as the picture has rows. A network may lose a class over a few pixels that no reader
    would call evidence: the true object's own mask does not win this.
    """

    better = "lower"
    family = "faithfulness"

    steps: int = knob(
        default=64, low=2, high=1000, unit="steps", log=True, help="points of the curve"
    )
    reading: str = knob(default="signed", choices=READINGS, help=READING_HELP)
    fill: str = knob(default="zero", choices=FILLS, help=FILL_HELP)
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
        y = removal_scores(*about, filling, order, counts, self.scale)
        values, warnings = without_order(area(y), maps)
        fact, doubts = substrate_words(*about, self.scale, y[:, -1], y[:, 0])
        curve = Curve(counts / counts[-1], y, "share of pixels deleted", self.scale)
        numbers = {"intact": float(y[:, 0].mean()), "substrate": float(y[:, -1].mean())}
        return Graded(values, {"deletion": curve}, [fact], warnings + doubts, numbers)
