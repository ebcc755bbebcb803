import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.kinds import EVERY_KIND

from ..evidence import inside_top, judged
from ..knobs import sign_knob


class TopKIntersection(Evaluation, title="Top-k intersection", source="theiner2022"):
    """Of the map's k highest pixels, how many lie on the object?

    |top-k ∩ T| ÷ k, T the truth, k a share of the picture: 2 % are the 1000 pixels that are usual
    at 224 × 224. Of pixels that tie for the last places, the share that chance would pick is
    counted.

    Use it where masks are known, and only the very top of a map matters.

    It misleads about objects smaller than k, which cannot reach 1 (`warnings` say so); relevance
    rank accuracy fits k to each object.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True
    takes = EVERY_KIND

    share: float = knob(
        default=0.02, low=0.0001, high=1.0, log=True, unit="of the picture",
        help="how many pixels count as the top",
    )  # fmt: skip
    sign: str = sign_knob()

    def grade(self, case: Case) -> Graded:
        """The share of every input."""
        truth = judged(case, type(self).__name__, self.sign)
        count = max(1, round(self.share * truth.maps[0].size))
        inside = inside_top(truth.maps, truth.masks, np.full(len(case), count))
        found = Graded(truth.known_only(inside / count), warnings=truth.warnings)
        small = truth.known & (truth.sizes < count)
        if small.any():
            found.warnings.append(
                f"For {small.sum()} of {len(case)} inputs the object has fewer than {count} "
                "pixels: 1 is out of reach."
            )
        return found
