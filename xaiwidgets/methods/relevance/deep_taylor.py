import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .derived import POSITIVE
from .layerwise import Layerwise
from .lrp import relevance
from .presets import Row, Table
from .rules import WSquare, ZBox

PIXELS = ("zᴮ", "w²")
PIXELS_HELP = "the rule of the first layer: for pixels with bounds, or for inputs without any"


class DeepTaylor(Layerwise, title="Deep Taylor", source="montavon2017"):
    """Which pixels the score was built from; for a positive score nothing is negative.

    Every unit is expanded around a root of its own, R_j = Σ_k (x_j w_jk⁺ ÷ Σ_i x_i w_ik⁺) R_k, and
    the pixels' roots lie between black and white (zᴮ) or anywhere (w²). What a layer passes on adds
    up to what it got.

    Use it on a network of ReLUs and one object, for a map that adds up and is nowhere negative.

    It misleads where there are several objects, for it hardly tells classes apart: asked for one of
    two objects it puts a third of what lies on them on the other one (benchmarks/relevance.py).
    CLRP and SGLRP are the cure.
    """

    takes = ("picture",)

    pixels: str = knob(default="zᴮ", choices=PIXELS, help=PIXELS_HELP)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, and what the rules need on the way back."""
        return relevance(subject, x, target, Table([pixel_row(self.pixels), ("any", POSITIVE)]))


def pixel_row(pixels: str) -> Row:
    """The row of a table for the layer that sees the pixels."""
    return "first", ZBox() if pixels == "zᴮ" else WSquare()
