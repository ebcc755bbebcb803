import numpy as np
from scipy.ndimage import find_objects, label

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes

from ..evidence import judged
from ..knobs import sign_knob

Box = tuple[slice, slice]


class BoxIoU(Evaluation, title="Box IoU", source="zhou2016"):
    """How well does a box around the map's main patch agree with the box around the object?

    The map is cut at `threshold` of its maximum, of what is left the largest connected patch
    (corners touch) is boxed tightly, and IoU is taken with the tight box around the whole mask. Of
    equally large patches the first in reading order is boxed. `numbers` has the share of inputs
    above 0.5, which the ImageNet localisation task calls correct.

    Meant for class activation maps, which are smooth: of a grainy map, the largest patch may be a
    few pixels of many.
    """

    better = "higher"
    family = "localisation"
    needs_masks = True

    threshold: float = knob(
        default=0.2, low=0.0, high=1.0, step=0.01, unit="of the maximum", help="where to cut"
    )
    sign: str = sign_knob()

    def cost(self, case: Case) -> Passes:
        """The explanation."""
        return explaining(case)

    def grade(self, case: Case) -> Graded:
        """IoU of the two boxes, and the share above 0.5."""
        truth = judged(case, type(self).__name__, self.sign)
        values = np.full(len(case), np.nan)
        for i in np.flatnonzero(truth.known):
            kept = truth.maps[i] >= self.threshold * truth.maps[i].max()
            values[i] = overlap(box(largest_patch(kept)), box(truth.masks[i]))
        found = Graded(values, warnings=truth.warnings)
        if truth.known.any():
            found.numbers["share above 0.5"] = float((values[truth.known] > 0.5).mean())
        return found


def largest_patch(kept: np.ndarray) -> np.ndarray:
    """The largest connected patch of a boolean map (height, width); corners touch."""
    patches, _ = label(kept, structure=np.ones((3, 3)))
    sizes = np.bincount(patches.ravel())
    sizes[0] = 0
    return patches == sizes.argmax()


def box(mask: np.ndarray) -> Box:
    """Rows and columns of the tight box around what is true in a boolean map (height, width)."""
    found: Box = find_objects(mask.astype(np.int8))[0]
    return found


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0, min(p.stop, q.stop) - max(p.start, q.start)) for p, q in zip(a, b, strict=True)]
    shared = sides[0] * sides[1]
    return shared / (_area(a) + _area(b) - shared)


def _area(a: Box) -> int:
    return int((a[0].stop - a[0].start) * (a[1].stop - a[1].start))
