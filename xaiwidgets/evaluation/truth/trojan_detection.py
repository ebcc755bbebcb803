from typing import Any, ClassVar

import numpy as np
import torch

from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.filling import fill_knob
from xaiwidgets.core.method import Passes

from ..besides import Besides
from ..evidence import Judged, judged
from ..knobs import sign_knob
from ..ordering import places
from .attribution_of_objects import without


class TrojanDetection(Besides, title="Trojan detection", source="lin2021"):
    """Does the map find the planted trigger that made the network answer as it does?

    IoU of the map's top pixels, as many as the trigger has, with the trigger's mask. In `numbers`:
    "hit", the share of inputs whose highest pixel lies on the trigger (of equal ones the share that
    does); "fooled", the share that is named otherwise without the trigger; and "recovered" (Lin et
    al.'s recovering rate), the share of those that is named like that again once the found pixels
    are undone. `pairs` holds the triggered and the clean pictures; without it pixels
    are undone by filling.

    The masks are those of the trigger, the target the class that it calls for.

    Use it on a network with a trigger that you planted, to see which maps find it.

    It misleads about coarse maps, which cover the trigger and much beside it: their IoU says more
    about resolution than about sight.
    """

    better = "higher"
    family = "truth"
    needs_masks = True
    besides: ClassVar[tuple[str, ...]] = ("pairs",)

    pairs: Any = None
    sign: str = sign_knob()
    fill: str = fill_knob("neighbours")

    def cost(self, case: Case) -> Passes:
        """The explanation, and a forward pass for the picture as it is, clean and undone."""
        own = explaining(case)
        return Passes(own.forward + 3, own.backward)

    def grade(self, case: Case) -> Graded:
        """IoU with the trigger, hits and recoveries."""
        truth = judged(case, type(self).__name__, self.sign)
        sizes = truth.masks.sum((1, 2))
        found = places(truth.maps) < sizes[:, None, None]
        both = (found & truth.masks).sum((1, 2))
        overlap = both / np.maximum((found | truth.masks).sum((1, 2)), 1)
        graded = Graded(truth.known_only(overlap), warnings=truth.warnings)
        highest = truth.maps == truth.maps.max((1, 2), keepdims=True)
        hits = (highest & truth.masks).sum((1, 2)) / highest.sum((1, 2))
        if truth.known.any():
            graded.numbers["hit"] = float(hits[truth.known].mean())
        self._recover(case, truth, found, graded)
        return graded

    def _recover(self, case: Case, truth: Judged, found: np.ndarray, graded: Graded) -> None:
        """Undo the found pixels, and see what the network says."""
        who = type(self).__name__
        clean, bare = (
            without(case, self.pairs, self.fill, who, masks) for masks in (truth.masks, found)
        )
        undone = torch.where(torch.as_tensor(found, device=case.x.device)[:, None], bare, case.x)
        before, honest, after = (
            case.subject.outputs(x).argmax(1).cpu().numpy() for x in (case.x, clean, undone)
        )
        fooled = truth.known & (before != honest)
        graded.numbers["fooled"] = float((before != honest).mean())
        if fooled.any():
            graded.numbers["recovered"] = float((after == honest)[fooled].mean())
        else:
            graded.warnings.append(
                "No input is named otherwise without the trigger: there is nothing to recover."
            )
