"""Relevance that flows through chosen channels of one layer, or of several, one below another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import FromFunction
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .layerwise import Layerwise
from .lrp import relevance
from .presets import Table
from .spots import AtLayer
from .start import nothing


class ThroughChannels(FromFunction, Layerwise):
    """LRP whose flow is restricted: of each layer that is named, the chosen channels alone hand on
    what they receive, from the output down. What goes around such a layer is left out."""

    def __init__(
        self, channels: Mapping[str, int | Sequence[int]], table: Table, title: str
    ) -> None:
        if not isinstance(channels, Mapping) or not channels:
            came = f"{channels!r} was given" if channels else "No channels were named"
            raise ExplainError(f"{came}; it takes them by layer, such as {{'layer3': [4, 7]}}.")
        chosen = {name: _listed(name, which) for name, which in channels.items()}
        super().__init__(lambda *asked: _through(*asked, table=table, channels=chosen), title)


def _listed(name: str, which: int | Sequence[int]) -> list[int]:
    """Channels by number; none at all would let nothing through."""
    try:
        found = [index(each) for each in ([which] if hasattr(which, "__index__") else which)]
    except TypeError:
        found = []
    if not found:
        raise ExplainError(
            f"The channels of {name!r} are {which!r}; it takes a number or several, such as [4, 7]."
        )
    return found


def _through(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    *,
    table: Table,
    channels: Mapping[str, list[int]],
) -> Findings:
    """In batches that fit, each with a pass for every layer and one more."""
    known = subject.layers(x)
    layers = sorted((known[name] for name in channels), key=lambda layer: -layer.order)
    size = 1 if len(x) == 1 else subject.batch_size(x)
    found = [
        _restricted(subject, x[rows], target.of_rows(rows), table, layers, channels)
        for rows in torch.arange(len(x)).split(size)
    ]
    return Findings(torch.cat([each.values for each in found]), warnings=found[-1].warnings)


def _restricted(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    table: Table,
    layers: list[Layer],
    channels: Mapping[str, list[int]],
) -> Findings:
    begin: BoundTarget = target
    above: Mapping[str, Any] = {}
    for layer in layers:
        c = _arriving(subject, x, begin, table, above, layer)
        begin, above = nothing(target), _kept(c, layer, channels[layer.name])
    return relevance(subject, x, begin, table, above, way="from the channels")


def _arriving(
    subject: Subject,
    x: torch.Tensor,
    begin: BoundTarget,
    table: Table,
    above: Mapping[str, Any],
    layer: Layer,
) -> torch.Tensor:
    """c at a layer's output, of what the channels of the layers above let through."""
    seen: list[torch.Tensor] = []
    look = {layer.name: lambda c, _: seen.append(c)}
    relevance(subject, x, begin, table, {**above, **look}, way=f"to {layer.name}")
    if not seen:
        raise ExplainError(
            f"No relevance arrives at layer {layer.name!r}, of this score or from the channels "
            "above it; choose another layer."
        )
    return seen[-1]


def _kept(c: torch.Tensor, layer: Layer, channels: list[int]) -> Mapping[str, Any]:
    """A watch that puts these channels of c, and 0 for all others, in place of what arrives."""
    mask, spot = torch.zeros_like(c), AtLayer(layer, "channel")
    by_channel = spot.parts(mask, len(c))
    count = by_channel.shape[1]
    missing = [channel for channel in channels if not 0 <= channel < count]
    if missing:
        raise ExplainError(
            f"Layer {layer.name!r} has no channel {missing[0]}; it has {count}: 0 to {count - 1}."
        )
    by_channel[:, channels] = 1
    watches: Mapping[str, Any] = spot.instead(c * mask, len(c))["watches"]
    return watches
