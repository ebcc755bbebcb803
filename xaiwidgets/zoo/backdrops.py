"""The ten scenes of ShapeScenes: muted patterns that fill the picture behind the objects.

Each scene says how far every pixel lies between two muted colours, from 0 to 256. Muted means
that no channel leaves 56..208, which every colour of an object does: whatever the scene, an
object's pixel differs from the backdrop that it hides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from xaiwidgets.zoo.lattice import UNIT, Units, between, hashed, spread, zigzag

DARKEST, LIGHTEST = 56, 208

Backdrop = Callable[[Units, Units, Iterator[int], Units], Units]


def dusk(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """The sky darkens evenly towards the top."""
    return y * between(draws, 220, 256) // UNIT + 0 * x


def hills(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Two ridges, one before the other."""
    far = between(draws, 1200, 1900) + 3 * zigzag(x + between(draws, 0, UNIT), 2200)
    near = between(draws, 2400, 3000) + 3 * zigzag(x + between(draws, 0, UNIT), 3100)
    return 110 * (y > far) + 146 * (y > near)


def bricks(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Courses of bricks, every second one set off by half a brick."""
    height = between(draws, 420, 560)
    row = y // height
    along = x + row % 2 * height + between(draws, 0, 2 * height)
    mortar = (y % height < 90) | (along % (2 * height) < 90)
    return np.where(mortar, 256, hashed(along // (2 * height) + 64 * row, next(draws)) // 3)


def planks(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Upright boards, each of its own shade."""
    width = between(draws, 480, 680)
    seam = x % width < 80
    return np.where(seam, 256, hashed(x // width, next(draws)) * 3 // 4) + 0 * y


def tiles(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """A square grid of thin lines."""
    side = between(draws, 620, 860)
    across, down = between(draws, 0, side), between(draws, 0, side)
    return np.where(((x + across) % side < 100) | ((y + down) % side < 100), 256, 0)


def waves(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Level bands that swell and sink across the picture."""
    lifted = y + 2 * zigzag(x + between(draws, 0, UNIT), between(draws, 1300, 1900))
    return zigzag(lifted, between(draws, 640, 820))


def rain(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Slanted streaks, broken at random."""
    slanted = x + y // 3
    streak, salt = slanted // 110, next(draws)
    fallen = (y + 16 * hashed(streak, salt)) // 700
    return 256 * (hashed(streak + 128 * fallen, salt + 1) < 70)


def sand(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Grains of every shade."""
    return spread(noise, x, y) * between(draws, 190, 256) // 256


def snow(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Flakes of one size, scattered over a loose lattice."""
    side, salt = between(draws, 520, 640), next(draws)
    cell = x // side + 32 * (y // side)
    across = x % side - 140 - hashed(cell, salt) * (side - 280) // 256
    down = y % side - 140 - hashed(cell, salt + 1) * (side - 280) // 256
    return 256 * (across * across + down * down <= 120 * 120)


def clouds(x: Units, y: Units, draws: Iterator[int], noise: Units) -> Units:
    """Soft blotches: a coarse lattice of noise with everything between it blended."""
    side = 800
    column, row, across, down = x // side, y // side, x % side, y % side
    above = noise[row, column] * (side - across) + noise[row, column + 1] * across
    below = noise[row + 1, column] * (side - across) + noise[row + 1, column + 1] * across
    return np.floor_divide(above * (side - down) + below * down, side * side, dtype=np.int64)


BACKDROPS: dict[str, Backdrop] = {
    "dusk": dusk,
    "hills": hills,
    "bricks": bricks,
    "planks": planks,
    "tiles": tiles,
    "waves": waves,
    "rain": rain,
    "sand": sand,
    "snow": snow,
    "clouds": clouds,
}


def paint(scene: str, x: Units, y: Units, draws: Iterator[int], noise: Units) -> NDArray[np.uint8]:
    """The backdrop as a picture, uint8 of shape (height, width, 3)."""
    first, second = _two_muted_colours(draws)
    mix = BACKDROPS[scene](x, y, draws, noise)[..., None]
    speckle = (spread(noise[::-1], x, y)[..., None] >> 4) - 8
    blended = (first * (256 - mix) + second * mix) // 256 + speckle
    return np.clip(blended, DARKEST, LIGHTEST).astype(np.uint8)


def _two_muted_colours(draws: Iterator[int]) -> tuple[Units, Units]:
    grey = between(draws, 96, 168)
    step = between(draws, 26, 44) * (1 if grey < 132 else -1)
    tint = [between(draws, -24, 24) for _ in range(3)]
    first = np.array([grey + t for t in tint], dtype=np.int64)
    second = np.array([grey + step - t // 2 for t in tint], dtype=np.int64)
    return first, second
