from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes

from ..evidence import SIGN_HELP, SIGNS, judged


class RelevanceMass(Evaluation, title="Relevance mass accuracy", source="arras2022"):
    """Which share of the map's evidence lies on the object?

    Σ_T R ÷ Σ R with |R| or max(R, 0) for R, T the truth. By chance it is the object's share of the
    picture, in `numbers` as "chance". Small values everywhere add up: a map that is strong on the
    object and hazy elsewhere may score below one that only gets the object's outline.
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
        total = truth.maps.sum((1, 2))
        inside = (truth.maps * truth.masks).sum((1, 2))
        total[~truth.known] = 1
        found = Graded(truth.known_only(inside / total), warnings=truth.warnings)
        if truth.known.any():
            found.numbers["chance"] = float(truth.masks[truth.known].mean())
        return found
