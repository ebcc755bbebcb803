import numpy as np

from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.kinds import EVERY_KIND

from ..evidence import Judged, judged
from ..knobs import sign_knob


class OnObject(Evaluation):
    """A share of the map that lies on the object, beside that of chance: the object's share of the
    picture, in `numbers` as "chance"."""

    better = "higher"
    family = "localisation"
    needs_masks = True
    takes = EVERY_KIND

    sign: str = sign_knob()

    def share(self, truth: Judged) -> np.ndarray:
        """The share (inputs,); of inputs that are not `known` anything."""
        raise NotImplementedError

    def grade(self, case: Case) -> Graded:
        """The share of every input, and chance's."""
        truth = judged(case, type(self).__name__, self.sign)
        found = Graded(truth.known_only(self.share(truth)), warnings=truth.warnings)
        if truth.known.any():
            found.numbers["chance"] = float(truth.masks[truth.known].mean())
        return found
