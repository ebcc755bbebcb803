import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .rectifiers import rectified_gradient


class GuidedBackprop(
    Attribution,
    title="Guided backprop",
    source="springenberg2014",
    taxonomy={"models": "specific: ReLU"},
):
    """Crisp outlines of what raised active units: at a ReLU only positive gradients of units that
    were on flow back.

    Functional ReLUs and residual additions are seen as well; the network is not modified.

    Use it for outlines in a lesson or a figure, never as the only evidence.

    It misleads because it partly restores the picture: it hardly changes when the top layers forget
    what they learnt (Adebayo et al. 2018 and their erratum), so that its sharpness is no evidence.
    """

    token_reduction = "norm"

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, with ReLUs intercepted."""
        return rectified_gradient(subject, x, target, "guided")
