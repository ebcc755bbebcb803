import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..asking import substrate_words
from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import places, read, without_order
from ..removal import area, removal_scores, shares


class AreaUnderCurve(Evaluation):
    """The area under the score while pixels go, or come, in the map's order: the most important
    first, from one end, the intact picture or its substrate, to the other."""

    family = "faithfulness"
    inserts = False

    steps: int = knob(
        default=64, low=2, high=1000, unit="steps", log=True, help="points of the curve"
    )
    reading: str = reading_knob()
    fill: str = fill_knob("zero")
    scale: str = scale_knob("probability")
    seed: int = seed_knob("noise, and ties")

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
        y = removal_scores(*about, filling, order, counts, self.scale, insert=self.inserts)
        values, warnings = without_order(area(y), maps)
        substrate, intact = self._ends(y)
        fact, doubts = substrate_words(*about, self.scale, substrate, intact)
        done = "inserted" if self.inserts else "deleted"
        curve = Curve(
            counts / counts[-1], y, f"share of {case.subject.words.parts} {done}", self.scale
        )
        numbers = {"intact": float(intact.mean()), "substrate": float(substrate.mean())}
        curves = {type(self).title.lower(): curve}
        return Graded(values, curves, [fact], warnings + doubts, numbers)

    def _ends(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The scores (inputs,) with nothing of the picture, and with all of it."""
        ends = y[:, -1], y[:, 0]
        return ends[::-1] if self.inserts else ends
