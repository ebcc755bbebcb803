"""The small trained networks that come with the package, and the cards that describe them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from xaiwidgets.core.errors import ExplainError

if TYPE_CHECKING:
    from xaiwidgets.core.subject import Subject

WEIGHTS = Path(__file__).parent / "weights"
"""Where ``<name>.safetensors`` and ``<name>.json`` (the card) lie side by side."""

_NAMES = ("shapes", "shapes-permuted", "shapes-trojan", "shapes-scene", "shapes-second", "digits")


class SmallCNN(nn.Module):
    """Four convolutions with ReLU, the average over all places, and one linear layer.

    Takes normalised images (n, inputs, height, width) and returns logits (n, classes). Height
    and width may vary: the average swallows them. ``channels`` are the widths of the four
    convolutions, ``strides`` the steps of the first two; after the third, pooling halves the map
    once more. With the defaults it has 165 560 parameters, and its last map is an eighth as wide
    as the image.
    """

    def __init__(
        self,
        classes: int = 8,
        channels: Sequence[int] = (24, 48, 96, 128),
        inputs: int = 3,
        strides: tuple[int, int] = (2, 2),
    ) -> None:
        super().__init__()
        if len(channels) != 4:
            raise ExplainError(
                f"SmallCNN channels has {len(channels)} entries; it takes four, "
                "one for each convolution."
            )
        a, b, c, d = channels
        self.conv1 = nn.Conv2d(inputs, a, 5, stride=strides[0], padding=2)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(a, b, 3, stride=strides[1], padding=1)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv4 = nn.Conv2d(c, d, 3, padding=1)
        self.relu4 = nn.ReLU()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(d, classes)
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            # PyTorch's own start is weak without batch norm: digits 0.95 where this reaches 0.99.
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(x))
        x = self.pool(self.relu3(self.conv3(x)))
        x = self.relu4(self.conv4(x))
        logits: torch.Tensor = self.linear(self.average(x).flatten(1))
        return logits


class Card(dict[str, Any]):
    """What a network is, what it was trained on and what was measured. Printed, it reads well."""

    def __str__(self) -> str:
        lines = [f"{self['title']}", "", str(self["about"]), ""]
        for key in ("data", "training", "script", "seed", "epochs", "size", "mean", "std"):
            lines.append(f"{key + ':':<10}{_plain(self[key])}")
        lines.append(f"{'classes:':<10}{_plain(self['classes'])}")
        lines += [f"measured on {self['measured_on']}:"]
        lines += [f"  {what}: {value}" for what, value in self["measured"].items()]
        lines.append(f"{'licence:':<10}{self['licence']}")
        return "\n".join(lines)


def names() -> tuple[str, ...]:
    """The networks that ``load``, ``card`` and ``subject`` know."""
    return _NAMES


def card(name: str) -> Card:
    """The card of one network: a dictionary that prints as a page. Raises ``ExplainError``."""
    return Card(json.loads(_file(name, "json").read_text(encoding="utf-8")))


def load(name: str) -> SmallCNN:
    """One trained network on the CPU, in evaluation mode; a fresh copy each time.

    It takes images normalised with ``card(name)["mean"]`` and ``["std"]``.

    >>> load("shapes")(torch.zeros(1, 3, 96, 96)).shape
    torch.Size([1, 8])

    Raises ``ExplainError`` (a ``ValueError``) for a name that is not among ``names()``.
    """
    path = _file(name, "safetensors")
    from safetensors.torch import load_file

    network = SmallCNN(**card(name)["architecture"])
    network.load_state_dict(load_file(path))
    return network.eval()


def subject(name: str) -> Subject:
    """One trained network as a subject: with its normalisation, its size and its class names."""
    from xaiwidgets.core.subject import Subject

    facts = card(name)
    height, width = facts["size"]
    return Subject(
        load(name),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        size=(height, width),
        classes=list(facts["classes"]),
        title=facts["title"],
    )


def _file(name: str, kind: str) -> Path:
    if name not in _NAMES:
        raise ExplainError(f"The zoo has no network called {name!r}; it has {', '.join(_NAMES)}.")
    return WEIGHTS / f"{name}.{kind}"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
