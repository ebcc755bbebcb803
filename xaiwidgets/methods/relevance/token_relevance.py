from typing import ClassVar

import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..cam.layer_choice import chosen_layer
from .part_relevance import PartRelevance
from .presets import PIXEL_PRESETS, PRESETS
from .spots import AtLayer


class TokenRelevance(PartRelevance, title="Relevance through a token", source="achtibat2023"):
    """Which pixels one token of a hidden layer, or one cell of a map, passed on to the score.

    LRP's relevance of a layer is kept at one token, set to 0 at all others, and goes on from there.
    The parts of all tokens add up to what flows through the layer. Token 0 of a transformer is most
    often the class token, which has nothing of its own: its part is what attention brought there.

    Use it to ask what passed through one token, or one cell of a map, on its way to the score.

    It misleads deep in a network, where a token stands for its own place less and less.
    """

    part: ClassVar[str] = "token"
    takes = ("picture", "text")
    lacks = {"text": PIXEL_PRESETS}

    preset: str = knob(
        default="AttnLRP", choices=tuple(PRESETS), help="which rule each kind of layer gets"
    )
    layer: str = knob(
        default="", layers=True, help="the layer; '' is the last that holds a map or patches"
    )
    token: int = knob(
        default=-1,
        low=-1,
        high=1_000_000,
        help="the token, or the map's cell row by row; −1 is the one that speaks most for it",
    )

    def spot(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> AtLayer:
        """The layer, by its places."""
        layers = subject.layers(x)
        layer = layers[self.layer] if self.layer else chosen_layer(subject, "", x)
        if len(layer.shape) == 1:
            last = f", such as {layers.maps[-1].name!r}" if layers.maps else ""
            raise ExplainError(
                f"Layer {layer.name!r} holds no tokens (its output is {layer.shape}); it takes a "
                f"layer of (tokens, width) or one that holds a map{last}."
            )
        return AtLayer(layer, "place")
