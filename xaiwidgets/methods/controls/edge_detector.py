import torch
import torch.nn.functional as F

from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class EdgeDetector(
    Attribution,
    title="Edge detector (control)",
    source="adebayo2018",
    taxonomy={"models": "any", "access": "black box", "formulation": "closed form"},
):
    """A control that never asks the network: the size of the picture's Sobel gradient.

    Use it beside every explanation: one that looks like this map may be about the picture alone.

    It misleads as an explanation, which it is not.
    """

    takes = ("picture",)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """None: the network is not asked."""
        return Passes(0, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        """√(gx² + gy²) of the mean over channels, (batch, 1, height, width)."""
        grey = F.pad(x.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        across = x.new_tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
        kernels = torch.stack([across, across.T])[:, None]
        return F.conv2d(grey, kernels).square().sum(1, keepdim=True).sqrt()
