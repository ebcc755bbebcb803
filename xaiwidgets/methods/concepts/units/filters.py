"""Filters: the weights of a convolution as pictures, of the first layer and of any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject

from ..numbered import unit_of

_GRID = 64
_PASSING = (
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "SiLU", "Hardswish", "Mish",
    "Sigmoid", "Tanh", "Softplus", "BatchNorm2d", "InstanceNorm2d", "Dropout", "Dropout2d",
    "Identity", "MaxPool2d", "AvgPool2d",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Filters:
    """The weights of one layer: `weights` (units, channels, height, width), signed.

    Of a layer that reads the picture, `colours` is true: three channels are red, green and blue.
    """

    layer: str
    weights: np.ndarray
    colours: bool

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        return f"Filters({self.layer}: {'×'.join(map(str, self.weights.shape))})"

    @property
    def strength(self) -> np.ndarray:
        """The length of each unit's weights for each channel (units, channels)."""
        return np.sqrt(np.square(self.weights, dtype=np.float64).sum((2, 3)))

    def strongest(self, unit: int, count: int = 8) -> np.ndarray:
        """The channels that a unit weighs most, the heaviest first."""
        own = self.strength[unit_of(unit, self.layer, len(self))]
        return np.argsort(-own, kind="stable")[:count]

    def pictures(self) -> np.ndarray:
        """One picture a unit (units, height, width, 3) as uint8, mid grey where a weight is 0:
        colours of a first layer, of others the channel that weighs most.

        Each unit fills the range by itself, so pictures tell form and not strength.
        """
        if self.colours:
            values = self.weights.transpose(0, 2, 3, 1)
        else:
            best = self.strength.argmax(1)
            values = self.weights[np.arange(len(self)), best][..., None]
        size = np.abs(values).max((1, 2, 3), keepdims=True)
        grey = 127.5 + 127.5 * values / np.where(size > 0, size, 1)
        return np.broadcast_to(grey.round(), (*grey.shape[:3], 3)).astype(np.uint8)

    def plot(self, unit: int | None = None) -> Any:
        """A matplotlib figure: one picture a unit; or of one unit all channels, the heaviest first,
        on one signed scale."""
        if unit is None:
            return self._every()
        chosen = self.strongest(unit, _GRID)
        size = float(np.abs(self.weights[unit]).max()) or 1.0
        figure, axes = _grid(len(chosen), f"{self.layer}, unit {unit}: weights by channel")
        for ax, channel in zip(axes, chosen, strict=False):
            shown = ax.imshow(self.weights[unit, channel], vmin=-size, vmax=size, cmap="RdBu_r")
            ax.set_title(str(channel), fontsize=6, pad=2)
        figure.colorbar(shown, ax=axes.tolist(), shrink=0.6)
        return figure

    def _every(self) -> Any:
        what = "" if self.colours else ": the channel that weighs most"
        figure, axes = _grid(len(self), self.layer + what)
        for unit, (ax, picture) in enumerate(zip(axes, self.pictures(), strict=False)):
            ax.imshow(picture)
            ax.set_title(str(unit), fontsize=6, pad=2)
        return figure


def filters(subject: Any, layer: str | None = None) -> Filters:
    """The weights of a convolution as pictures: what the first layer looks for can be read off
    them (edges, colours), of later layers only what they are made of.

    `layer` names a convolution, or a dense layer that reads the picture; default is the first one.
    Raises ExplainError for any other.
    """
    subject = Subject.of(subject)
    found = filters_of(subject, list(subject.layers()))
    if not found:
        raise ExplainError("This network has no convolution whose weights could be shown.")
    name = next(iter(found)) if layer in (None, "") else subject.layers()[layer].name
    if name not in found:
        raise ExplainError(f"{name!r} has no filters of its own; they lie in {', '.join(found)}.")
    return found[name]


def filters_of(subject: Subject, layers: list[Layer]) -> dict[str, Filters]:
    """The filters of those layers that have some, the first of which reads the picture."""
    modules = dict(subject.model.named_modules())
    found: dict[str, Filters] = {}
    for layer in layers:
        weights = _weights(modules[layer.name], subject.preprocessing.size)
        if weights is not None:
            values = weights.detach().float().cpu().numpy()
            found[layer.name] = Filters(layer.name, values, not found and values.shape[1] == 3)
    return found


def filters_behind(subject: Subject, names: Sequence[str]) -> dict[str, Filters]:
    """For each layer the filters that make its units: its own, or those of the layer that it only
    passes on, such as a ReLU behind a convolution; none for other layers."""
    known = list(subject.layers())
    own = filters_of(subject, known)
    found: dict[str, Filters] = {}
    for name in names:
        at = next(i for i, layer in enumerate(known) if layer.name == name)
        while at > 0 and known[at].name not in own and known[at].kind in _PASSING:
            at -= 1
        if known[at].name in own and len(own[known[at].name]) == known[at].channels:
            found[name] = own[known[at].name]
    return found


def _weights(module: nn.Module, size: tuple[int, int] | None) -> torch.Tensor | None:
    """A layer's weights (units, channels, height, width), where they lie like a picture."""
    if isinstance(module, nn.Conv2d):
        return module.weight
    if isinstance(module, nn.ConvTranspose2d):
        return module.weight.transpose(0, 1)
    if isinstance(module, nn.Linear) and size is not None:
        channels = module.in_features / (size[0] * size[1])
        if channels in (1, 3):
            return module.weight.reshape(module.out_features, int(channels), *size)
    return None


def _grid(count: int, title: str) -> tuple[Any, np.ndarray]:
    """A figure of so many small axes without ticks."""
    columns = min(16, max(4, round(np.sqrt(2 * count))))
    rows = -(-count // columns)
    figure = figure_type()(figsize=(0.62 * columns, 0.4 + 0.72 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    figure.suptitle(title, fontsize=9)
    return figure, axes
