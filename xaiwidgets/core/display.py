"""From signed values to colours: the same mathematics as the page's, for figures and checks.

`tests/golden/display.json` holds cases that this file and the page's `display.ts` both have to
meet. Order: smooth, take the sign, find the limit, index the colour map; `keep` hides what is
small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .errors import ExplainError, shown

Sign = Literal["signed", "positive", "negative", "absolute"]
# what is left out shows the picture under this share of black
LEFT_OUT = 166 / 255
SIGNS = ("signed", "positive", "negative", "absolute")
_WORDS = {"sign": SIGNS, "scaling": ("panel", "shared"), "order": ("size", "table")}


@dataclass(frozen=True)
class Look:
    """How a map is drawn; `clip`, `keep` and `contour` in percent, `smoothing` in pixels. `box` is
    the percentage of the map's maximum above which its largest patch is boxed; 0 draws none.
    `order` is that of a table's columns: the largest first, or as they stand in it."""

    colour_map: str = "RdBu_r"
    sign: Sign = "signed"
    scaling: Literal["panel", "shared"] = "panel"
    clip: float = 99.5
    opacity: float = 0.85
    smoothing: float = 0.0
    keep: float = 100.0
    contour: float = 0.0
    box: float = 0.0
    order: Literal["size", "table"] = "size"

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            word = getattr(self, name)
            if not isinstance(word, str) or word not in words:
                raise ExplainError(f"{name} is {shown(word)}; it takes one of {', '.join(words)}.")
        for name in ("clip", "keep", "contour", "box", "opacity", "smoothing"):
            value, high = getattr(self, name), 1 if name == "opacity" else 100
            if not isinstance(value, (int, float, np.number)) or not 0 <= value <= high:
                raise ExplainError(f"{name} is {shown(value)}; it takes a number from 0 to {high}.")


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of (height, width) by σ pixels, cut at 3σ, edges reflected."""
    if sigma <= 0:
        return values
    radius = math.ceil(3 * sigma)
    steps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        width = [(0, 0), (0, 0)]
        width[axis] = (radius, radius)
        padded = np.pad(values, width, mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=axis)
        values = windows @ kernel
    return values


def take_sign(values: np.ndarray, sign: Sign) -> np.ndarray:
    """The part of the values that is looked at."""
    if sign == "positive":
        return np.maximum(values, 0)
    if sign == "negative":
        return np.maximum(-values, 0)
    return np.abs(values) if sign == "absolute" else values


def limit_of(values: np.ndarray, clip: float) -> float:
    """The magnitude drawn in full colour: a percentile, or the largest when that is 0."""
    sizes = np.abs(values)
    limit = float(np.percentile(sizes, clip))
    return limit if limit > 0 else float(sizes.max())


def colour_index(values: np.ndarray, limit: float, sign: Sign, diverging: bool) -> np.ndarray:
    """Places 0...255 in the colour map, as uint8."""
    share = np.zeros_like(values) if limit == 0 else np.clip(values / limit, -1, 1)
    if sign == "signed":
        place = 127.5 + 127.5 * share
    elif diverging:
        return (128 + np.floor(127 * share + 0.5)).astype(np.uint8)
    else:
        place = 255 * share
    return np.floor(place + 0.5).astype(np.uint8)


def kept(values: np.ndarray, keep: float) -> np.ndarray:
    """Which pixels are among the `keep` percent of largest magnitude, as bool; ties stay in."""
    return np.abs(values) >= threshold_of(values, keep)


def threshold_of(values: np.ndarray, keep: float) -> float:
    """The smallest magnitude that is still drawn when `keep` percent of the pixels are."""
    if keep >= 100:
        return 0.0
    sizes = np.sort(np.abs(values), axis=None)
    return float(sizes[-max(1, math.floor(sizes.size * keep / 100 + 0.5))])


def above(values: np.ndarray, contour: float) -> np.ndarray:
    """Which pixels lie on or above the percentile `contour` of magnitude, as bool."""
    sizes = np.abs(values)
    return sizes >= np.percentile(sizes, contour)


def is_diverging(colour_map: str) -> bool:
    """Whether a colour map has its neutral colour in the middle."""
    return colour_map.removesuffix("_r") in ("RdBu", "PuOr", "BrBG", "PiYG", "coolwarm", "bwr")


def colours(name: str) -> np.ndarray:
    """256 RGB triples (256, 3) of a matplotlib colour map, as uint8."""
    from matplotlib import colormaps

    if name not in colormaps:
        raise ExplainError(f"No colour map is called {name!r}; matplotlib's names are taken.")
    return (colormaps[name](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def paint(
    values: np.ndarray, picture: np.ndarray, look: Look, limit: float | None = None
) -> tuple[np.ndarray, float]:
    """A map (height, width) over its picture (height, width, 3), uint8, and its limit."""
    part = take_sign(smooth(values, look.smoothing), look.sign)
    limit = limit_of(part, look.clip) if limit is None else limit
    places = colour_index(part, limit, look.sign, is_diverging(look.colour_map))
    over = colours(look.colour_map)[places].astype(np.float64)
    share = np.full(part.shape, look.opacity)
    if look.keep < 100:
        drawn = kept(part, look.keep)
        over[~drawn] = 0
        share[~drawn] *= LEFT_OUT
    return mix(picture, over, share), limit


def marks(
    values: np.ndarray, limit: float, look: Look, *, whole: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (tokens, 3), uint8, and how much of the paper each covers (tokens,), for the part of
    the values that is looked at: opacity · √(|v| ÷ limit), so that a token of no relevance is as
    white, or dark, as the page. `whole` leaves nothing out."""
    places = colour_index(values, limit, look.sign, is_diverging(look.colour_map))
    size = np.abs(values) / limit if limit else np.zeros(values.shape)
    share = look.opacity * np.sqrt(np.minimum(size, 1))
    return colours(look.colour_map)[places], share if whole else share * kept(values, look.keep)


def mix(picture: np.ndarray, over: np.ndarray, share: np.ndarray) -> np.ndarray:
    """picture · (1 − share) + over · share, rounded to uint8."""
    share = share[..., None]
    return np.floor(picture.astype(np.float64) * (1 - share) + over * share + 0.5).astype(np.uint8)
