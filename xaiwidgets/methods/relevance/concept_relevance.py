import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..cam.layer_choice import chosen_layer
from .layerwise import Layerwise
from .lrp import relevance
from .presets import PIXEL_PRESETS, PRESETS, Table
from .start import Start

Flowed = tuple[torch.Tensor, torch.Tensor]


class ConceptRelevance(Layerwise, title="Concept relevance (CRP)", source="achtibat2023"):
    """Which pixels one channel of a hidden layer speaks for: its part of the score, or itself.

    LRP's relevance of a layer is kept in one channel, set to 0 in all others, and goes on from
    there; what reaches the pixels around the layer, by a skip connection, is left out. The parts of
    all channels add up to what flows through the layer. "the channel" begins there with its own
    activation, whatever the score makes of it. What the channel stands for, one map does not tell:
    look at it on several pictures.
    """

    usual = {"text": {"preset": "AttnLRP"}}
    lacks = {"text": PIXEL_PRESETS}

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

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """Two of each: down to the layer, and on from there."""
        return Passes(2, 2)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Relevance of the layer, then of the pixels by one of its channels."""
        layers = subject.layers(x)
        layer = layers[self.layer] if self.layer else chosen_layer(subject, "", x)
        size = 1 if len(x) == 1 else subject.batch_size(x)
        parts, facts, warnings = [], [], []
        for rows in torch.arange(len(x)).split(size):
            found = self._through(subject, x[rows], target.of_rows(rows), layer)
            parts.append(found.values)
            facts += found.facts
            warnings = found.warnings
        return Findings(torch.cat(parts), facts=facts, warnings=warnings)

    def _through(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layer: Layer
    ) -> Findings:
        table: Table = PRESETS[self.preset](1e-6, 0.25)
        c, value = flowing(subject, x, target, table, layer)
        carried = _by_channel(c * value, layer)
        channels = self._channels(carried, layer)
        chosen = _only(channels, c, layer)
        kept = chosen if self.begin == "the channel" else c * chosen
        nothing = Start(target, lambda target, outputs, rows: torch.zeros_like(outputs))
        watches = {layer.name: lambda *_: kept}
        found = relevance(subject, x, nothing, table, watches, way="from the channel")
        total = carried.sum(1)
        found.facts = [
            f"Channel {int(k)} of {layer.name} carries {float(r[k]):.3g} of the layer's "
            f"{float(sum_):.3g}."
            for k, r, sum_ in zip(channels, carried, total, strict=True)
        ]
        return found

    def _channels(self, carried: torch.Tensor, layer: Layer) -> torch.Tensor:
        """The channel of each input (rows,)."""
        if self.channel == -1:
            return carried.argmax(1)
        if self.channel >= carried.shape[1]:
            raise ExplainError(
                f"ConceptRelevance.channel is {self.channel}, but {layer.name} has "
                f"{carried.shape[1]} channels: 0 to {carried.shape[1] - 1}."
            )
        return torch.full((len(carried),), self.channel, device=carried.device)


def flowing(
    subject: Subject, x: torch.Tensor, target: BoundTarget, table: Table, layer: Layer
) -> Flowed:
    """c = R ÷ activation at a layer's output, and the activation, as the layer lays them."""
    seen: list[Flowed] = []
    watches = {layer.name: lambda c, value: seen.append((c, value))}
    relevance(subject, x, target, table, watches, way="to the layer")
    if not seen:
        raise ExplainError(
            f"No relevance of this score arrives at layer {layer.name!r}; choose another layer."
        )
    return seen[-1]


def _axis(layer: Layer) -> int:
    return 1 if layer.layout == "channels first" else -1


def _by_channel(relevance: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Sums for every channel (rows, channels)."""
    return relevance.movedim(_axis(layer), 1).flatten(2).sum(2) if relevance.ndim > 2 else relevance


def _only(channels: torch.Tensor, like: torch.Tensor, layer: Layer) -> torch.Tensor:
    """1 in each row's channel and 0 elsewhere, shaped like the layer's output."""
    mask = torch.zeros_like(like).movedim(_axis(layer), 1)
    mask[torch.arange(len(mask)), channels] = 1
    return mask.movedim(1, _axis(layer))
