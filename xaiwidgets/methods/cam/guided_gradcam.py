import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.gradient.rectifiers import rectified_gradient

from .activation_map import SPECIFIC, GradientMap, in_words, together
from .gradcam import GradCam
from .gradcam_plus_plus import GradCamPlusPlus
from .hirescam import HiResCam
from .layer_choice import LAYER_HELP, chosen_layers
from .layercam import LayerCam
from .xgradcam import XGradCam

REGIONS: dict[str, type[GradientMap]] = {
    method.title: method for method in (GradCam, GradCamPlusPlus, XGradCam, HiResCam, LayerCam)
}


class GuidedGradCam(
    Attribution, title="Guided Grad-CAM", source="selvaraju2017", taxonomy=SPECIFIC
):
    """Guided backprop's fine lines, kept only where Grad-CAM speaks for the class.

    R = G ⊙ L, G guided backprop's map and L that of Grad-CAM, or of another of its family.

    Use it for the outlines within the region that speaks for the class.

    It misleads because its fine lines are guided backprop's: within the region they hardly change
    when the top layers forget what they learnt.
    """

    takes = ("picture", "volume")

    layer: str = knob(default="", layers=True, help=LAYER_HELP)
    region: str = knob(
        default="Grad-CAM", choices=tuple(REGIONS), help="which map says where lines are kept"
    )

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """Both of its parts."""
        return Passes(2, 2)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Two forward and two backward passes; shaped like x."""
        layers = chosen_layers(subject, self.layer, x)
        maps = REGIONS[self.region](relu=True).raw(subject, x, target, layers)
        found = rectified_gradient(subject, x, target, "guided")
        found.values = found.values * together(maps, x)
        found.facts += [f"{in_words(layer)}." for layer in layers]
        return found
