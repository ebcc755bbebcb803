import numpy as np

from xaiwidgets.core.boxes import box, main_box, overlap
from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded

from ..evidence import judged
from ..knobs import sign_knob


class BoxIoU(Evaluation, title="Box IoU", source="zhou2016"):
    """How well does a box around the map's main patch agree with the box around the object?

    The map is cut at `threshold` of its maximum, of what is left the largest connected patch
    (corners touch) is boxed tightly, and IoU is taken with the tight box around the whole mask. Of
    equally large patches the first in reading order is boxed. `numbers` has the share of inputs
    above 0.5, which the ImageNet localisation task calls correct.

    Use it for class activation maps, which are smooth, where boxes or masks are known.

    It misleads about grainy maps, of which the largest patch may be a few pixels of many.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True
    takes = ("picture", "volume")

    threshold: float = knob(
        default=0.2, low=0.0, high=1.0, step=0.01, unit="of the maximum", help="where to cut"
    )
    sign: str = sign_knob()

    def grade(self, case: Case) -> Graded:
        """IoU of the two boxes, and the share above 0.5."""
        truth = judged(case, type(self).__name__, self.sign)
        values = np.full(len(case), np.nan)
        for i in np.flatnonzero(truth.known):
            values[i] = overlap(main_box(truth.maps[i], self.threshold), box(truth.masks[i]))
        found = Graded(values, warnings=truth.warnings)
        if truth.known.any():
            found.numbers["share above 0.5"] = float((values[truth.known] > 0.5).mean())
        return found
