import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.kinds import EVERY_KIND
from xaiwidgets.core.scores import Curve

from ..evidence import Judged, judged
from ..knobs import sign_knob

_LADDER = np.linspace(0, 1, 101)


class MaskIoU(Evaluation, title="Mask IoU", source="zhou2016"):
    """How well does the map, cut at a threshold, cover the object and nothing else?

    IoU = |M ∩ T| ÷ |M ∪ T| with M = {R ≥ t · max R} and T the truth: weakly supervised
    segmentation. With `choose` "fixed", t is `threshold`. With "other half" it is the one that does
    best on average over the other half of the inputs (those at even places for the odd ones and the
    other way round), so that no input chooses its own; then, and only then, a score depends on the
    company it came in. The curve shows every t.

    Use it where masks are known, to see how well a map would do as a segmentation.

    It misleads about a map that lights up what the network needs, say one telling corner: it is
    faithful and scores low.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True
    takes = EVERY_KIND

    threshold: float = knob(
        default=0.25, low=0.0, high=1.0, step=0.01, unit="of the maximum", help="where to cut"
    )
    choose: str = knob(
        default="fixed", choices=("fixed", "other half"),
        help="the threshold above, or the one that does best on the other half of the inputs",
    )  # fmt: skip
    sign: str = sign_knob()

    def grade(self, case: Case) -> Graded:
        """IoU at the chosen threshold, and over all of them."""
        truth = judged(case, type(self).__name__, self.sign)
        ladder = np.union1d(_LADDER, self.threshold)
        overlap = _overlaps(truth, ladder)
        found = Graded(None, warnings=truth.warnings)
        found.curves["IoU"] = Curve(ladder, overlap, "threshold, share of the maximum", "IoU")
        if self.choose == "fixed":
            chosen = np.full(len(case), np.searchsorted(ladder, self.threshold))
        else:
            chosen = _by_other_half(overlap)
            found.numbers = {
                f"threshold of {name} inputs": float(ladder[chosen[i]])
                for i, name in enumerate(("even", "odd"))
            }
        found.values = overlap[np.arange(len(case)), chosen]
        return found


def _overlaps(truth: Judged, ladder: np.ndarray) -> np.ndarray:
    """IoU (inputs, thresholds), from how many pixels reach each threshold inside and outside."""
    found = np.full((len(truth.maps), len(ladder)), np.nan)
    for i in np.flatnonzero(truth.known):
        mask = truth.masks[i]
        reached = np.searchsorted(ladder, truth.maps[i] / truth.maps[i].max(), side="right")
        inside, outside = (
            np.bincount(reached[where], minlength=len(ladder) + 1)[::-1].cumsum()[::-1][1:]
            for where in (mask, ~mask)
        )
        found[i] = inside / (mask.sum() + outside)
    return found


def _by_other_half(overlap: np.ndarray) -> np.ndarray:
    """For every input the place of the threshold that is best for the other half."""
    halves = [~np.isnan(overlap[start::2]).all(1) for start in (0, 1)]
    if not all(half.any() for half in halves):
        raise ExplainError(
            "MaskIoU(choose='other half') takes at least two inputs that can be scored, one in "
            "each half; give more, or choose='fixed'."
        )
    best = [int(np.nanmean(overlap[start::2], 0).argmax()) for start in (1, 0)]
    return np.resize(best, len(overlap))
