"""The channels that are tried one by one, and the batches in which they are."""

from collections.abc import Iterator

import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject

from .activation_map import TargetMap
from .layer_choice import chosen_layers


class ByChannel(TargetMap):
    """A map whose channels are weighed by trying them one by one, without gradients."""

    channels: int = knob(
        default=4096, low=1, high=4096, log=True, unit="channels",
        help="at most how many are tried, those whose maps vary most; fewer is quicker",
    )  # fmt: skip

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass for the layers' outputs, and one for every channel that is tried."""
        layers = chosen_layers(subject, self.layer, x)
        return Passes(1 + sum(min(self.channels, layer.channels) for layer in layers), 0)


def busiest(maps: torch.Tensor, most: int) -> torch.Tensor:
    """The numbers of the channels whose maps (batch, channels, h, w) vary most, in their order:
    (batch, at most `most`)."""
    if maps.shape[1] <= most:
        return torch.arange(maps.shape[1], device=maps.device).expand(len(maps), -1)
    spread = maps.flatten(2).float().var(2)
    return spread.topk(most).indices.sort().values


def places(chosen: torch.Tensor, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """(input, channel) of every chosen channel (batch, channels), `size` at a time."""
    rows = torch.arange(len(chosen), device=chosen.device).repeat_interleave(chosen.shape[1])
    yield from zip(rows.split(size), chosen.flatten().split(size), strict=True)
