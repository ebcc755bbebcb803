import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .deep_taylor import PIXELS, PIXELS_HELP, pixel_row
from .derived import POSITIVE
from .layerwise import Layerwise
from .lrp import relevance
from .presets import Table
from .start import Start


class SGLRP(Layerwise, title="Softmax-gradient LRP", source="iwana2019"):
    """Which pixels speak for this class, and which for those that the network takes for its rivals.

    Relevance begins as the gradient of the softmax, p_t (1 − p_t) for the class and −p_t p_n for
    every other, and goes down by deep Taylor's rules: rivals lose in proportion to their chance, so
    that the map sums to about 0. Of a contrast it begins as ∂ (p_a − p_b), of a function of the
    outputs as that function's own gradient, without a softmax.

    Use it where a class should be told from its rivals, each in proportion to its chance.

    It misleads where the network is sure, for the map is faint there; and of a class that the
    network holds for impossible it says nothing.
    """

    takes = ("picture",)

    pixels: str = knob(default="zᴮ", choices=PIXELS, help=PIXELS_HELP)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, and what the rules need on the way back."""
        table = Table([pixel_row(self.pixels), ("any", POSITIVE)])
        return relevance(subject, x, Start(target, softmax_gradient), table)


def softmax_gradient(
    target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    """∂ p_t ÷ ∂ z for every output; for a contrast ∂ (p_a − p_b), for a function its own."""
    if outputs.shape[1] == 1:
        raise ExplainError(
            "SGLRP weighs a class against its rivals, but this network has one score; deep Taylor "
            "and LRP explain it."
        )
    with torch.enable_grad():
        z = outputs.detach().double().requires_grad_()
        read = z if target.classes is None else z.softmax(1)
        (gradient,) = torch.autograd.grad(target.score(read, rows).sum(), z)
    return gradient.to(outputs.dtype)
