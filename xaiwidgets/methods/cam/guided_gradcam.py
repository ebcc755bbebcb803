import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.gradient.rectifiers import rectified_gradient

from .gradcam import LAYER_HELP, chosen_layer, enlarge, grad_cam


class GuidedGradCam(
    Attribution,
    title="Guided Grad-CAM",
    source="selvaraju2017",
    taxonomy={"models": "specific: CNN"},
):
    """Guided backprop's fine lines, kept only where Grad-CAM speaks for the class.

    The product inherits guided backprop's insensitivity to the top layers within the region that
    Grad-CAM leaves.
    """

    layer: str = knob(default="", layers=True, help=LAYER_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """Both of its parts."""
        return Passes(2, 2)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Two forward and two backward passes; shaped like x."""
        layer = chosen_layer(subject, self.layer, x, target)
        region = enlarge(grad_cam(subject, x, target, layer).clamp_min(0), x)
        found = rectified_gradient(subject, x, target, "guided")
        found.values = found.values * region
        found.facts.append(f"Layer {layer.name}.")
        return found
