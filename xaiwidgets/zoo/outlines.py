"""The eight shapes of ShapeScenes and the two parts that they may carry, in fixed point.

Every outline is asked in the object's own coordinates: ``u`` to its right, ``v`` downwards, with
the object reaching from about -1024 to 1024.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xaiwidgets.zoo.lattice import Flags, Units

REACH = 1024
"""Half the width of an object in its own coordinates."""

Outline = Callable[[Units, Units], Flags]


def disc(u: Units, v: Units) -> Flags:
    return u * u + v * v <= 940 * 940


def square(u: Units, v: Units) -> Flags:
    return (abs(u) <= 820) & (abs(v) <= 820)


def triangle(u: Units, v: Units) -> Flags:
    return (v <= 760) & (7 * abs(u) <= 4 * (v + 1000))


def cross(u: Units, v: Units) -> Flags:
    upright = (abs(u) <= 300) & (abs(v) <= 960)
    level = (abs(v) <= 300) & (abs(u) <= 960)
    return upright | level


def ring(u: Units, v: Units) -> Flags:
    distance = u * u + v * v
    return (distance <= 960 * 960) & (distance >= 520 * 520)


# Outward normals of the pentagon at a five-pointed star's heart, in 1/1024.
_PENTAGON = ((0, -1024), (974, -316), (602, 828), (-602, 828), (-974, -316))


def star(u: Units, v: Units) -> Flags:
    """Five-pointed: a pentagon and the triangles that lie beyond just one of its sides."""
    outside = [u * a + v * b > 330 * 1024 for a, b in _PENTAGON]
    return np.sum(outside, axis=0) <= 1


def bar(u: Units, v: Units) -> Flags:
    return (abs(u) <= 1000) & (abs(v) <= 300)


def crescent(u: Units, v: Units) -> Flags:
    bitten = (u - 480) * (u - 480) + v * v <= 760 * 760
    return disc(u, v) & ~bitten


OUTLINES: dict[str, Outline] = {
    "disc": disc,
    "square": square,
    "triangle": triangle,
    "cross": cross,
    "ring": ring,
    "star": star,
    "bar": bar,
    "crescent": crescent,
}

# Where the body begins above its middle (the stalk's foot), and where the hub's middle sits.
_TOP = {
    "disc": -940,
    "square": -820,
    "triangle": -1000,
    "cross": -960,
    "ring": -960,
    "star": -1060,
    "bar": -300,
    "crescent": -940,
}
_HUB = {"crescent": -600}


def stalk(shape: str, u: Units, v: Units) -> Flags:
    """A short rod that stands on top of the body; the body hides its foot."""
    foot = _TOP[shape] + 200
    return (abs(u) <= 130) & (v <= foot) & (v >= foot - 640)


def hub(shape: str, u: Units, v: Units) -> Flags:
    """A small round button in the middle of the body (on a crescent, in the middle of its arc)."""
    across = u - _HUB.get(shape, 0)
    return across * across + v * v <= 230 * 230
