import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes

from ..evidence import SIGN_HELP, SIGNS, inside_top, judged


class RelevanceRank(Evaluation, title="Relevance rank accuracy", source="arras2022"):
    """Of as many top pixels as the object has, how many lie on it?

    |top-K ∩ T| ÷ K with K = |T|, T the truth. Of pixels that tie for the last places, the share
    that chance would pick is counted. By chance it is the object's share of the picture, in
    `numbers` as "chance". Only the order of values counts: a faint lead is as good as a clear one.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True

    sign: str = knob(default="absolute", choices=SIGNS, help=SIGN_HELP)

    def cost(self, case: Case) -> Passes:
        """The explanation."""
        return explaining(case)

    def grade(self, case: Case) -> Graded:
        """The share of every input, and chance's."""
        truth = judged(case, type(self).__name__, self.sign)
        sizes = truth.masks.sum((1, 2))
        inside = inside_top(truth.maps, truth.masks, sizes)
        values = truth.known_only(inside / np.maximum(sizes, 1))
        found = Graded(values, warnings=truth.warnings)
        if truth.known.any():
            found.numbers["chance"] = float(truth.masks[truth.known].mean())
        return found
