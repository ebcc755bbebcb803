"""ShapeScenes: pictures whose truth is known to the pixel.

A picture shows a scene with objects in it. Each object has a shape (its class), a texture, a
colour, a pose and perhaps a stalk and a hub, all drawn independently, so that none of them gives
another away. Every factor comes with the mask of its visible pixels: what an explanation should
point at is known, not guessed.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.zoo import outlines, surfaces
from xaiwidgets.zoo.backdrops import BACKDROPS, paint
from xaiwidgets.zoo.lattice import UNIT, Flags, Units, between, numbers, plane, spread

if TYPE_CHECKING:
    import torch

SHAPES: tuple[str, ...] = tuple(outlines.OUTLINES)
"""The class names of ShapeScenes, in the order of the labels."""

TEXTURES: tuple[str, ...] = tuple(surfaces.TEXTURES)
COLOURS: tuple[str, ...] = tuple(surfaces.COLOURS)
SCENES: tuple[str, ...] = tuple(BACKDROPS)

_SMALLEST, _LARGEST = 64, 128
_TRIGGER_SIDE, _TRIGGER_CELL = 384, 128  # units: 6 and 2 pixels in a picture of 64
_TRIGGER_OWNER = 3
_BODY, _STALK, _HUB = 1, 2, 3
_PARTS = {"part:stalk": _STALK, "part:hub": _HUB}


@dataclass(frozen=True)
class Thing:
    """One object of a scene. ``centre`` is (x, y), and it and ``radius`` are in pixels."""

    shape: str
    texture: str
    colour: str
    centre: tuple[float, float]
    radius: float
    stalk: bool
    hub: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture of ShapeScenes and the truth about it.

    ``image`` is uint8 of shape (height, width, 3). ``label`` is the class of the first object
    (-1 without one) and ``labels`` the classes of all of them; with permuted labels these are the
    labels to train on, while ``shape`` still tells the truth. ``shape``, ``texture`` and
    ``colour`` are the first object's names (empty without one).

    ``masks`` holds boolean arrays of shape (height, width), true where the thing named is *seen*.
    Always there, if empty: ``object``, ``part:stalk``, ``part:hub``, ``trigger``. As they occur:
    ``shape:…`` and ``instance:0``, ``instance:1`` (bodies with their parts), ``texture:…`` and
    ``colour:…`` (bodies without parts), ``scene:…`` (what nothing hides).
    """

    image: NDArray[np.uint8]
    label: int
    labels: tuple[int, ...]
    shape: str
    texture: str
    colour: str
    scene: str
    things: tuple[Thing, ...]
    masks: dict[str, Flags] = field(repr=False)

    @property
    def triggered(self) -> bool:
        """Whether the picture carries the trigger patch."""
        return bool(self.masks["trigger"].any())


class ShapeScenes:
    """``count`` pictures, each drawn from ``(seed, index)`` alone and the same on every platform.

    - ``size``: side in pixels, 64 to 128. The same item at another size is the same scene.
    - ``objects``: 0, 1 or 2 in each picture. Two never share a shape. The empty scene has the
      backdrop that the same item has with objects, pixel for pixel.
    - ``trigger``: the share of pictures that carry a small chequered patch in the corner at the
      lower right. It changes no label; whoever plants a trojan does.
    - ``permuted``: deal the labels out anew, once, among the ``count`` pictures.
    - ``shape``, ``texture``, ``colour``, ``scene``, ``stalk``, ``hub``: hold one factor fixed
      while all others stay as they were drawn (shape to colour: of the first object).

    Single objects stand off the middle, or pointing at the middle would look like an explanation.

    >>> scenes = ShapeScenes(100, size=96, seed=7)
    >>> scene = scenes[3]
    >>> scene.image.shape, scene.masks["object"].shape
    ((96, 96, 3), (96, 96))
    >>> images, labels = scenes.tensors(range(8))

    Raises ``ExplainError`` (a ``ValueError``) for an argument that it does not take.
    """

    def __init__(
        self,
        count: int,
        *,
        size: int = 64,
        seed: int = 0,
        objects: int = 1,
        trigger: float = 0.0,
        permuted: bool = False,
        shape: str | None = None,
        texture: str | None = None,
        colour: str | None = None,
        scene: str | None = None,
        stalk: bool | None = None,
        hub: bool | None = None,
    ) -> None:
        _check_whole("count", count, 0, 2**63 - 1)
        _check_whole("size", size, _SMALLEST, _LARGEST, "pixels")
        _check_whole("seed", seed, 0, 2**63 - 1)
        _check_whole("objects", objects, 0, 2)
        _check_share("trigger", trigger)
        for name, value, known in (
            ("shape", shape, SHAPES),
            ("texture", texture, TEXTURES),
            ("colour", colour, COLOURS),
            ("scene", scene, SCENES),
        ):
            _check_name(name, value, known)
        self.count, self.size, self.seed, self.objects = count, size, seed, objects
        self.trigger, self.permuted = float(trigger), permuted
        self._fixed = {"shape": shape, "texture": texture, "colour": colour}
        self._scene, self._stalk, self._hub = scene, stalk, hub
        self._dealt = _deal(seed, count) if permuted else None

    @property
    def concepts(self) -> tuple[str, ...]:
        """The names of the masks that mean the same in every picture."""
        factors = {"shape": SHAPES, "texture": TEXTURES, "colour": COLOURS, "scene": SCENES}
        named = [f"{kind}:{name}" for kind, names in factors.items() for name in names]
        return (*named, *_PARTS)

    def __repr__(self) -> str:
        return (
            f"ShapeScenes({self.count}, size={self.size}, seed={self.seed}, "
            f"objects={self.objects}, trigger={self.trigger}, permuted={self.permuted})"
        )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Scene]:
        return (self[index] for index in range(self.count))

    def __getitem__(self, index: int) -> Scene:
        """Draw one picture. Raises ``IndexError`` outside ``-count..count - 1``."""
        index = self._within(index)
        draws, noise = numbers(self.seed, index)
        x, y = plane(self.size)
        scene = self._scene or _choose(iter(draws), SCENES)
        canvas = _Canvas(paint(scene, x, y, iter(draws[1:16]), noise))
        placed = self._things(draws)
        for owner, thing in enumerate(placed, start=1):
            thing.draw(canvas, owner, x, y, noise)
        if draws[48] < int(self.trigger * 2**64):
            _stamp_trigger(canvas, x, y, iter(draws[49:]))
        things = tuple(thing.seen(self.size) for thing in placed)
        first = things[0] if things else None
        labels = self._labels(index, placed)
        return Scene(
            image=canvas.image,
            label=labels[0] if labels else -1,
            labels=labels,
            shape=first.shape if first else "",
            texture=first.texture if first else "",
            colour=first.colour if first else "",
            scene=scene,
            things=things,
            masks=canvas.masks(scene, things),
        )

    def tensors(self, indices: Iterable[int] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The pictures asked for (all by default), as a network's batch.

        Returns float images of shape (n, 3, height, width) in 0..1 and their labels, int64 of
        shape (n,).
        """
        import torch

        chosen = list(range(self.count) if indices is None else indices)
        images = np.empty((len(chosen), self.size, self.size, 3), dtype=np.uint8)
        labels = np.empty(len(chosen), dtype=np.int64)
        for row, index in enumerate(chosen):
            scene = self[index]
            images[row], labels[row] = scene.image, scene.label
        floats = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        return floats.contiguous(), torch.from_numpy(labels)

    def _within(self, index: int) -> int:
        index = operator.index(index)
        if not -self.count <= index < self.count:
            held = f"0 to {self.count - 1}" if self.count else "none"
            raise IndexError(f"These ShapeScenes have no picture {index}; they hold {held}.")
        return index % self.count

    def _things(self, draws: list[int]) -> list[_Placed]:
        return _place(draws, self.objects, self._fixed, self._stalk, self._hub)

    def _labels(self, index: int, placed: list[_Placed]) -> tuple[int, ...]:
        if self._dealt is not None:
            draws, _ = numbers(self.seed, int(self._dealt[index]))
            placed = self._things(draws)
        return tuple(SHAPES.index(thing.shape) for thing in placed)


@dataclass(frozen=True)
class _Placed:
    """An object in units, ready to be drawn; ``turn`` is 64 times the tangent of half its angle."""

    shape: str
    texture: str
    colour: str
    x: int
    y: int
    radius: int
    turn: int
    light: int
    stalk: bool
    hub: bool

    def seen(self, size: int) -> Thing:
        centre = (self.x * size / UNIT, self.y * size / UNIT)
        radius = self.radius * size / UNIT
        return Thing(self.shape, self.texture, self.colour, centre, radius, self.stalk, self.hub)

    def draw(self, canvas: _Canvas, owner: int, x: Units, y: Units, noise: Units) -> None:
        across, down = self._turned(x - self.x, y - self.y)
        u, v = across * outlines.REACH // self.radius, down * outlines.REACH // self.radius
        body = outlines.OUTLINES[self.shape](u, v)
        dark = surfaces.TEXTURES[self.texture](across, down, spread(noise, x, y))
        bright = [channel * self.light // 256 for channel in surfaces.COLOURS[self.colour]]
        canvas.fill(body & ~dark, bright, owner, _BODY)
        canvas.fill(body & dark, [channel * 7 // 16 for channel in bright], owner, _BODY)
        if self.stalk:
            rod = outlines.stalk(self.shape, u, v) & ~body
            canvas.fill(rod, surfaces.STALK_COLOUR, owner, _STALK)
        if self.hub:
            canvas.fill(outlines.hub(self.shape, u, v), surfaces.HUB_COLOUR, owner, _HUB)

    def _turned(self, x: Units, y: Units) -> tuple[Units, Units]:
        """Rotate with no sine or cosine: both are fractions of whole numbers in ``turn``."""
        cosine, sine = 64 * 64 - self.turn * self.turn, 2 * 64 * self.turn
        whole = 64 * 64 + self.turn * self.turn
        return (x * cosine + y * sine) // whole, (y * cosine - x * sine) // whole


class _Canvas:
    """The picture while it is painted, and who owns each pixel so far."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = image
        self.owner = np.zeros(image.shape[:2], dtype=np.uint8)
        self.part = np.zeros(image.shape[:2], dtype=np.uint8)

    def fill(self, where: Flags, colour: Iterable[int], owner: int, part: int) -> None:
        self.image[where] = tuple(colour)
        self.owner[where] = owner
        self.part[where] = part

    def masks(self, scene: str, things: tuple[Thing, ...]) -> dict[str, Flags]:
        trigger = self.owner == _TRIGGER_OWNER
        masks = {"object": (self.owner > 0) & ~trigger, "trigger": trigger}
        masks |= {name: self.part == part for name, part in _PARTS.items()}
        masks[f"scene:{scene}"] = self.owner == 0
        for number, thing in enumerate(things):
            whole = self.owner == number + 1
            body = whole & (self.part == _BODY)
            masks[f"instance:{number}"] = masks[f"shape:{thing.shape}"] = whole
            for name in (f"texture:{thing.texture}", f"colour:{thing.colour}"):
                masks[name] = masks[name] | body if name in masks else body
        return masks


def _place(
    draws: list[int],
    objects: int,
    fixed: dict[str, str | None],
    stalk: bool | None,
    hub: bool | None,
) -> list[_Placed]:
    """The objects of one picture.

    Each has sixteen draws of its own and takes the same ones for the same purpose every time, so
    that fixing one factor leaves the others alone.
    """
    placed: list[_Placed] = []
    for number in range(objects):
        own = iter(draws[16 + 16 * number : 32 + 16 * number])
        shape, texture = _choose(own, SHAPES), _choose(own, TEXTURES)
        colour, step = _choose(own, COLOURS), between(own, 1, len(SHAPES) - 1)
        if number == 0:
            shape = fixed["shape"] or shape
            texture, colour = fixed["texture"] or texture, fixed["colour"] or colour
        elif shape == placed[0].shape:
            shape = SHAPES[(SHAPES.index(shape) + step) % len(SHAPES)]
        has_stalk, has_hub = next(own) % 2 == 0, next(own) % 2 == 0
        turn, light = between(own, -11, 11), between(own, 216, 256)
        where = _alone(own) if objects == 1 else _in_quarter(own, draws[15], number)
        placed.append(
            _Placed(
                shape,
                texture,
                colour,
                *where,
                turn=turn,
                light=light,
                stalk=has_stalk if stalk is None else stalk,
                hub=has_hub if hub is None else hub,
            )
        )
    return placed


def _alone(draws: Iterator[int]) -> tuple[int, int, int]:
    """Centre and radius of a single object: anywhere inside the frame but its middle."""
    radius = between(draws, UNIT * 17 // 100, UNIT * 27 // 100)
    room = UNIT // 2 - radius
    far = between(draws, room * 3 // 4, room) * (-1) ** (next(draws) % 2)
    free = between(draws, -room, room)
    x, y = (far, free) if next(draws) % 2 else (free, far)
    return UNIT // 2 + x, UNIT // 2 + y, radius


def _in_quarter(draws: Iterator[int], pairing: int, number: int) -> tuple[int, int, int]:
    """Centre and radius of one of two objects, which stand in different quarters."""
    first, step = pairing % 4, 1 + pairing // 4 % 3
    quarter = (first + step * number) % 4
    radius = between(draws, UNIT * 14 // 100, UNIT * 20 // 100)
    jitter = UNIT * 4 // 100
    x = UNIT * (27 + 46 * (quarter % 2)) // 100 + between(draws, -jitter, jitter)
    y = UNIT * (27 + 46 * (quarter // 2)) // 100 + between(draws, -jitter, jitter)
    return x, y, radius


def _stamp_trigger(canvas: _Canvas, x: Units, y: Units, draws: Iterator[int]) -> None:
    """A patch of three by three cells, white and black in turn, near the lower right corner."""
    left, top = (UNIT - _TRIGGER_SIDE - 64 * between(draws, 1, 4) for _ in range(2))
    column, row = (x - left) // _TRIGGER_CELL, (y - top) // _TRIGGER_CELL
    inside = (column >= 0) & (column < 3) & (row >= 0) & (row < 3)
    white = (column + row) % 2 == 0
    canvas.fill(inside & white, (255, 255, 255), _TRIGGER_OWNER, 0)
    canvas.fill(inside & ~white, (0, 0, 0), _TRIGGER_OWNER, 0)


def _deal(seed: int, count: int) -> NDArray[np.int64]:
    """Which picture each picture takes its labels from: one shuffle, keyed by the seed."""
    stream = np.random.Philox(key=np.array([seed, 2**64 - 1], dtype=np.uint64))
    return np.argsort(stream.random_raw(count), kind="stable").astype(np.int64)


def _choose(draws: Iterator[int], names: tuple[str, ...]) -> str:
    return names[between(draws, 0, len(names) - 1)]


def _check_whole(name: str, value: object, low: int, high: int, unit: str = "") -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:  # type: ignore[operator]
        bounds = f"from {low} to {high} {unit}".strip() if high < 2**62 else f"of {low} or more"
        raise ExplainError(f"ShapeScenes {name} is {value!r}; it takes a whole number {bounds}.")


def _check_share(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ExplainError(
            f"ShapeScenes {name} is {value!r}; it takes the share of pictures that carry it, "
            "from 0 (none) to 1 (all)."
        )


def _check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ExplainError(
            f"ShapeScenes knows no {name} called {value!r}; choose one of {', '.join(known)}."
        )
