import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.kinds import EVERY_KIND
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import seed_knob
from .nearby import distances, lengths, noisy, said


class MaxSensitivity(Evaluation, title="Max-sensitivity", source="yeh2019"):
    """How far can a little noise on the picture push the map?

    max over draws of ‖R(x + ε) − R(x)‖ ÷ ‖R(x)‖ with ε ~ U[−r, r] for every number of the picture
    and r = `radius` × its range. More draws find a larger maximum: the curve shows whether it has
    settled. Numbers of other tools compare only at the same radius (Captum's default is 0.02, that
    of the paper's code 0.2, both in the input's own units).

    Use it to find the worst that a little noise does to a map.

    It misleads in favour of maps that never look at the picture: they score 0, the best there is;
    and where the network itself jumps, a faithful map has to.
    """

    better = "lower"
    family = "robustness"
    explains_anew = True
    takes = EVERY_KIND

    samples: int = knob(
        default=10, low=1, high=1000, unit="draws", log=True, help="how many noisy copies"
    )
    radius: float = knob(
        default=0.1, low=0.001, high=1.0, log=True, unit="of the range",
        help="the largest change of a pixel, as a share of the picture's range",
    )  # fmt: skip
    seed: int = seed_knob("which noise is drawn")

    def cost(self, case: Case) -> Passes:
        """The explanation, once for the picture and once for every noisy copy."""
        own = explaining(case)
        return Passes(own.forward * (1 + self.samples), own.backward * (1 + self.samples))

    def grade(self, case: Case) -> Graded:
        """The largest change, and how it grew with the draws."""
        moved, _ = distances(case, self.samples, noisy(case.x, self.radius, self.seed))
        growing = self._gathered(moved / lengths(case.values)[:, None])
        draws = np.arange(1, self.samples + 1)
        curve = Curve(draws, growing, "draws", "change of the map")
        return said(case, Graded(growing[:, -1], {type(self).title: curve}), moved)

    def _gathered(self, changes: np.ndarray) -> np.ndarray:
        """From the change by each draw to the score after so many draws, both (inputs, draws)."""
        return np.maximum.accumulate(changes, axis=1)
