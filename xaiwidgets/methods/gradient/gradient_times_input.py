import torch

from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class GradientTimesInput(Attribution, title="Gradient × input", source="shrikumar2016"):
    """How much each pixel, as it stands, adds to the score if the network were linear: x · ∂f/∂x.

    On a ReLU network without biases the values add up to the score.

    Use it for a quick account of contributions, at the price of one gradient.

    It misleads about pixels whose input value is 0: they get 0, however much they matter. After
    normalisation that is the mean colour.
    """

    looks_inside = False

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        """One forward and one backward pass."""
        return x * subject.gradient(x, target)
