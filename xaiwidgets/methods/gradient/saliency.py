import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class Saliency(Attribution, title="Saliency", source="simonyan2013"):
    """Which pixels would move the score most if they changed a little: the gradient ∂f/∂x.

    `form` is "signed" (∂f/∂x), "absolute" (|∂f/∂x|, Simonyan et al. 2013) or "squared" ((∂f/∂x)²,
    sensitivity analysis; its values add up to ‖∇f‖²).

    Use it as the first and cheapest question to a differentiable network.

    It misleads when it is read as shares of the score: it tells what changes the score, not what
    makes it up, and a saturated network has a gradient near 0 where the evidence is strongest.

    >>> Saliency(form="absolute")(subject, x, target="star").values.shape
    torch.Size([1, 3, 64, 64])
    """

    token_reduction = "norm"
    looks_inside = False

    form: str = knob(
        default="signed",
        choices=("signed", "absolute", "squared"),
        help="the gradient itself, its size, or its square (sensitivity analysis)",
    )

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        """One forward and one backward pass."""
        gradient = subject.gradient(x, target)
        if self.form == "absolute":
            return gradient.abs()
        return gradient.square() if self.form == "squared" else gradient
