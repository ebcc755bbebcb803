from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..cam.layer_choice import chosen_layer
from .part_relevance import PartRelevance
from .presets import PIXEL_PRESETS, PRESETS, preset_table
from .spots import AtLayer
from .through_channels import ThroughChannels


class ConceptRelevance(PartRelevance, title="Concept relevance (CRP)", source="achtibat2023"):
    """Which pixels one channel of a hidden layer speaks for: its part of the score, or itself.

    LRP's relevance of a layer is kept in one channel, set to 0 in all others, and goes on from
    there; what reaches the pixels around the layer, by a skip connection, is left out. The parts of
    all channels add up to what flows through the layer. "the channel" begins there with its own
    activation, whatever the score makes of it.

    Use it to see what one channel contributed here, once you know what it answers to.

    It misleads as a name for the channel: what it stands for, one map does not tell. Look at it on
    several pictures.
    """

    part: ClassVar[str] = "channel"
    usual = {"text": {"preset": "AttnLRP"}, "table": {"preset": "ε"}}
    lacks = {"text": PIXEL_PRESETS, "table": PIXEL_PRESETS}

    preset: str = knob(
        default="ε-plus-flat", choices=tuple(PRESETS), help="which rule each kind of layer gets"
    )
    layer: str = knob(
        default="", layers=True, help="the layer; '' is the last layer that holds a map"
    )
    channel: int = knob(
        default=-1, low=-1, high=100_000, help="the channel; −1 is the one that speaks most for it"
    )
    begin: str = knob(
        default="the score",
        choices=("the score", "the channel"),
        help="explain the channel's part of the score, or the channel's own activation",
    )

    def spot(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> AtLayer:
        """The layer, by its channels."""
        layers = subject.layers(x)
        layer = layers[self.layer] if self.layer else chosen_layer(subject, "", x)
        return AtLayer(layer, "channel")

    def sent(self, c: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The channel's part of the score, or the channel as a score of its own."""
        return mask if self.begin == "the channel" else c * mask

    @staticmethod
    def through(
        channels: Mapping[str, int | Sequence[int]],
        preset: str = "ε-plus-flat",
        title: str = "LRP through channels",
    ) -> ThroughChannels:
        """A method that restricts the flow to several channels, of one layer or of several one
        below another, for `compare` and everything else.

        >>> ConceptRelevance.through({"layer4": 17, "layer3": [4, 7]})

        Raises ExplainError, when asked, for layers and channels that are not there.
        """
        return ThroughChannels(channels, preset_table(preset), title)
