from dataclasses import dataclass

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .derived import POSITIVE, Negated, Topmost
from .layerwise import Layerwise
from .lrp import relevance
from .presets import Table
from .rules import Flow, Rule
from .start import Start, whole


class ExcitationBackprop(Layerwise, title="Excitation backprop", source="zhang2016"):
    """How likely a winner walks from the class down to each pixel, along exciting weights.

    From a unit k the walk goes to its input j with P(j | k) = x_j w_jk⁺ ÷ Σ_i x_i w_ik⁺, and the
    map is the chance to arrive. `contrastive` takes away the walk from the opposite class, whose
    last weights are −w, and keeps what is above 0. Of inputs below 0 the product x w counts, not
    the weight alone.

    Use it for a calm map of what excited the class, read as a chance.

    It misleads when it is not `contrastive`: the map then hardly depends on the class.
    """

    contrastive: bool = knob(default=True, help="take away the walk from the opposite class")

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, and what the rules need on the way back."""
        rule = Topmost(Contrasted(), POSITIVE) if self.contrastive else POSITIVE
        found = relevance(subject, x, Start(target, whole), Table([("any", rule)]))
        if self.contrastive:
            found.values = found.values.clamp_min(0)
        return found


@dataclass(frozen=True)
class Contrasted(Rule):
    """What excites an output, less what excites its opposite: both walks in one, since every layer
    below is linear in what it gets."""

    def share(self, flow: Flow) -> torch.Tensor:
        """The difference of two z⁺ rules."""
        return POSITIVE.share(flow) - Negated(POSITIVE).share(flow)

    def __str__(self) -> str:
        return "z⁺ less z⁺ of negated weights"
