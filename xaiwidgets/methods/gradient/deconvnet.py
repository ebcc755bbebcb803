import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .rectifiers import rectified_gradient


class Deconvnet(
    Attribution, title="Deconvnet", source="zeiler2014", taxonomy={"models": "specific: ReLU"}
):
    """Run the score backwards as if the network had been turned round: only what is positive flows.

    At every ReLU the backward pass keeps positive gradients, whether or not the unit was on.
    Functional ReLUs are seen as well.

    Use it beside the gradient and guided backprop, from which it differs at the ReLU alone.

    It misleads about this decision: it shows patterns that units look for more than what decided
    here.
    """

    token_reduction = "norm"

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, with ReLUs intercepted."""
        return rectified_gradient(subject, x, target, "deconvnet")
