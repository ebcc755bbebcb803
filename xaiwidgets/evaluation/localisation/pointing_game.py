import numpy as np
from scipy.ndimage import distance_transform_edt

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.kinds import EVERY_KIND

from ..evidence import judged
from ..knobs import sign_knob


class PointingGame(Evaluation, title="Pointing game", source="zhang2018"):
    """Does the map's highest point lie on the object?

    A hit (1) when a pixel of the mask lies less than `tolerance` from the highest point, else a
    miss (0). Of several equally high points the share that hits is the score, as if one were drawn
    by lot. The paper's figure is the mean over classes, in `numbers` as "mean over classes"; beside
    it "centre" tells what pointing at the middle of each picture scores.

    Use it where masks are known, for a first comparison of many methods.

    It misleads because it asks about one pixel: a map that is wrong everywhere else still wins. And
    a network that looks at what stands beside the object is explained well by a map that misses.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True
    takes = EVERY_KIND

    tolerance: float = knob(
        default=15.0, low=0.0, high=112.0, unit="pixels at 224",
        help="how far the point may lie from the object; it scales with the picture's shorter side",
    )  # fmt: skip
    sign: str = sign_knob()

    def grade(self, case: Case) -> Graded:
        """Hit or miss, mean over classes, and the centre's score."""
        truth = judged(case, type(self).__name__, self.sign)
        near = np.stack([self._near(mask) for mask in truth.masks])
        rows = truth.maps.reshape(len(near), -1)
        highest = rows == rows.max(1, keepdims=True)
        hits = truth.known_only((highest & near.reshape(rows.shape)).sum(1) / highest.sum(1))
        found = Graded(hits, warnings=truth.warnings)
        if truth.known.any():
            labels = np.array(case.target.labels)
            each = [
                hits[truth.known & (labels == name)].mean()
                for name in dict.fromkeys(labels[truth.known])
            ]
            middle = near[(slice(None), *(side // 2 for side in near.shape[1:]))]
            found.numbers = {
                "mean over classes": float(np.mean(each)),
                "centre": float(middle[truth.known].mean()),
            }
        return found

    def _near(self, mask: np.ndarray) -> np.ndarray:
        """Where a point counts as a hit: on the mask, or in the open disc around one of its
        pixels."""
        if not mask.any():
            return mask
        away = distance_transform_edt(~mask)
        return (away == 0) | (away < self.tolerance * min(mask.shape[-2:]) / 224)
