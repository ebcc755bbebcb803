import torch

from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

_OWN = 2**31 - 1
"""A sample number that nobody else draws: with 0 the map of seed 0 would be what
`torch.randn` gives after `torch.manual_seed(0)`, the very weights of a network made like that."""


class RandomMap(
    Attribution,
    title="Random map (control)",
    source="adebayo2018",
    taxonomy={"models": "any", "access": "black box", "formulation": "closed form"},
):
    """A control that knows nothing: independent normal noise for every pixel.

    Use it as the floor of every evaluation: a score that this map reaches too is no praise.

    It misleads as an explanation, which it is not.
    """

    seed: int = knob(default=0, low=0, high=9999, help="which noise is drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """None: the network is not asked."""
        return Passes(0, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        """The same noise for every input, (batch, 1, height, width)."""
        return normal(x[0, :1], self.seed, _OWN).expand(len(x), -1, -1, -1).clone()
