"""The five textures and six colours of ShapeScenes: which pixels of an object are dark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xaiwidgets.zoo.lattice import Flags, Units

Texture = Callable[[Units, Units, Units], Flags]


def plain(x: Units, y: Units, noise: Units) -> Flags:
    return np.zeros(noise.shape, dtype=np.bool_)


def stripes(x: Units, y: Units, noise: Units) -> Flags:
    return y % 480 < 240


def dots(x: Units, y: Units, noise: Units) -> Flags:
    across, down = x % 440 - 220, y % 440 - 220
    return across * across + down * down <= 145 * 145


def checker(x: Units, y: Units, noise: Units) -> Flags:
    return (x % 560 < 280) ^ (y % 560 < 280)


def grain(x: Units, y: Units, noise: Units) -> Flags:
    return noise < 110


TEXTURES: dict[str, Texture] = {
    "plain": plain,
    "stripes": stripes,
    "dots": dots,
    "checker": checker,
    "grain": grain,
}

# Each has a channel below the darkest backdrop (see backdrops.py): an object never blends in.
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (225, 40, 40),
    "yellow": (235, 205, 30),
    "green": (40, 175, 50),
    "cyan": (30, 185, 210),
    "blue": (45, 70, 225),
    "purple": (175, 40, 195),
}

STALK_COLOUR = (24, 16, 8)
HUB_COLOUR = (248, 248, 240)
