"""Landscapes: small pictures that a generator draws from codes, and what can be seen in them.

A landscape has sky and grass, and a sun, a house and a fir that come, go and grow with the code.
Every thing has a colour of its own, so that colours tell what a picture shows, whoever drew it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xaiwidgets.zoo.networks import WEIGHTS, Card

CODE = 9
SIDE = 32
PALETTE: dict[str, tuple[int, int, int]] = {
    "sky": (110, 165, 235),
    "grass": (120, 185, 70),
    "sun": (252, 222, 60),
    "house": (200, 60, 45),
    "fir": (15, 75, 40),
}
"""What a landscape holds, each with its colour."""

_FINE = 2  # painted so many times as large, then averaged


def landscapes(codes: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The pictures that codes (n, 9) stand for, (n, 3, 32, 32) in 0...1.

    Codes are standard normal; a fixed rotation makes of them the horizon, the places and sizes of
    sun, house and fir, so that no number of a code means anything alone. What has a size below
    nought is not there.
    """
    u = np.asarray(codes, np.float64) @ _mixing()
    unit = (np.arange(SIDE * _FINE) + 0.5) / (SIDE * _FINE)
    y, x = unit[:, None], unit[None, :]

    def at(column: int) -> NDArray[np.float64]:
        return u[:, column, None, None]

    horizon = 0.6 + 0.06 * np.tanh(at(0))
    canvas = np.zeros((len(u), 5, len(unit), len(unit)), bool)
    canvas[:, 0] = y < horizon + 0 * x
    canvas[:, 1] = ~canvas[:, 0]
    radius = np.clip(0.09 + 0.08 * at(3), 0, 0.22)
    middle = 0.5 + 0.35 * np.tanh(at(1)), 0.22 + 0.1 * np.tanh(at(2))
    canvas[:, 2] = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2
    half = np.clip(0.1 + 0.07 * at(5), 0, 0.2)
    left, foot = 0.3 + 0.15 * np.tanh(at(4)), horizon + 0.12
    canvas[:, 3] = (abs(x - left) < half) & (y < foot) & (y > foot - 1.6 * half)
    tall = np.clip(0.3 + 0.22 * at(7), 0, 0.6)
    stem, root = 0.72 + 0.15 * np.tanh(at(6)), horizon + 0.2
    canvas[:, 4] = (y < root) & (abs(x - stem) < 0.35 * (y - root + tall))
    return _painted(canvas, 1 + 0.08 * np.tanh(at(8)))


def _painted(canvas: NDArray[np.bool_], light: NDArray[np.float64]) -> NDArray[np.float32]:
    """Colours, what comes later in front, averaged down to size."""
    owner = len(PALETTE) - 1 - canvas[:, ::-1].argmax(1)
    colours = np.array(list(PALETTE.values()))[owner] / 255 * light[..., None]
    shape = (len(canvas), SIDE, _FINE, SIDE, _FINE, 3)
    small = colours.clip(0, 1).reshape(shape).mean((2, 4))
    return np.moveaxis(small, 3, 1).astype(np.float32)


def _mixing() -> NDArray[np.float64]:
    """A fixed rotation of codes."""
    stream = np.random.Philox(key=np.array([9, 1], dtype=np.uint64))
    plain = stream.random_raw(CODE * CODE).astype(np.float64) / 2**64 - 0.5
    q, r = np.linalg.qr(plain.reshape(CODE, CODE))
    return np.asarray(q * np.sign(np.diag(r)))


def seen(picture: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """What a landscape shows, by the colours nearest to its pixels: masks by name, for a picture
    (height, width, 3)."""
    palette = np.array(list(PALETTE.values()), np.int64)
    away = ((picture[..., None, :].astype(np.int64) - palette) ** 2).sum(-1)
    nearest = away.argmin(-1)
    return {name: nearest == number for number, name in enumerate(PALETTE)}


class SmallGenerator(nn.Module):
    """From a code (n, 9) to a picture (n, 3, 32, 32) in 0...1: one linear layer, three times a
    convolution on twice as large a map, and one that paints."""

    def __init__(self, widths: tuple[int, int, int, int] = (32, 32, 24, 16)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.widths = widths
        self.start = nn.Linear(CODE, a * 16)
        self.relu0 = nn.ReLU()
        self.conv1, self.relu1 = nn.Conv2d(a, b, 3, padding=1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(b, c, 3, padding=1), nn.ReLU()
        self.conv3, self.relu3 = nn.Conv2d(c, d, 3, padding=1), nn.ReLU()
        self.paint = nn.Conv2d(d, 3, 3, padding=1)
        self.larger = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        x = self.relu0(self.start(code)).view(len(code), self.widths[0], 4, 4)
        x = self.relu1(self.conv1(self.larger(x)))
        x = self.relu2(self.conv2(self.larger(x)))
        x = self.relu3(self.conv3(self.larger(x)))
        picture: torch.Tensor = self.paint(x).sigmoid()
        return picture


def generator() -> SmallGenerator:
    """The generator of landscapes, trained, on the CPU and in evaluation mode; a fresh copy each
    time. `landscape_card()` says how it was trained.

    >>> generator()(torch.randn(4, 9)).shape
    torch.Size([4, 3, 32, 32])
    """
    from safetensors.torch import load_file

    network = SmallGenerator()
    network.load_state_dict(load_file(WEIGHTS / "landscapes.safetensors"))
    return network.eval()


def landscape_card() -> Card:
    """What the generator is, what it was trained on and what was measured."""
    return Card(json.loads((WEIGHTS / "landscapes.json").read_text(encoding="utf-8")))
