"""What a user hands to a widget beside the pictures, checked and brought to one form."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xaiwidgets.core.display import SIGNS
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.masks import boolean
from xaiwidgets.core.subject import Subject

from . import pack
from .wire import DEFAULT_DISPLAY, DEFAULT_MASKING, Display, Region


def refuse_other(name: str, given: Any, kinds: type | tuple[type, ...], takes: str) -> None:
    """Refuse what is none of the kinds that the argument of that name takes, or None."""
    if given is not None and not isinstance(given, kinds):
        raise ExplainError(f"{name} is a {type(given).__name__}; it takes {takes}.")


def read_masks(masks: Any, shapes: Sequence[tuple[int, ...]]) -> list[dict[str, np.ndarray]]:
    """True regions by name, one dict an input; `shapes` are the inputs' heights and widths, of
    volumes behind their depths. Of a text or a table, of height 1, a mask may be one value a token
    or a column."""
    count = len(shapes)
    if masks is None:
        return [{} for _ in range(count)]
    alone = hasattr(masks, "shape") and len(masks.shape) <= len(shapes[0])
    if isinstance(masks, (Mapping, str)) or not hasattr(masks, "__len__") or alone:
        masks = [masks]
    if len(masks) != count:
        raise ExplainError(f"{len(masks)} masks came for {count} inputs; give one for each.")
    return [_mask_dict(mask, shape) for mask, shape in zip(masks, shapes, strict=True)]


def _mask_dict(mask: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    named = mask if isinstance(mask, Mapping) else {"truth": mask}
    found = {}
    for name, values in named.items():
        array = boolean(values, f"Mask {name!r}")
        if len(shape) == 2 and shape[0] == 1 and array.ndim == 1:
            array = array[None]
        if array.shape != shape:
            raise ExplainError(
                f"Mask {name!r} has shape {array.shape}; the input that the network sees is "
                f"{shape}."
            )
        found[str(name)] = array
    return found


def checked_region(region: Any, shape: tuple[int, int]) -> Region:
    """A rectangle that lies in the picture, of a volume in every slice."""
    try:
        x0, y0, x1, y1 = (int(region[key]) for key in ("x0", "y0", "x1", "y1"))
    except (TypeError, KeyError, ValueError):
        raise ExplainError("A region takes x0, y0, x1 and y1 in pixels.") from None
    height, width = shape
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ExplainError(
            f"The region {x0}, {y0} to {x1}, {y1} does not lie in the picture ({width}×{height})."
        )
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def checked_display(display: Any, depth: int = 1) -> dict[str, Any]:
    """Display settings with known names and values in range, for inputs of so many slices; anything
    else is refused in words."""
    if not isinstance(display, Mapping):
        raise ExplainError(f"display is {display!r}; it takes a dict, such as {{'clip': 99}}.")
    ranges = {
        "clip": (0.0, 100.0), "opacity": (0.0, 1.0), "smoothing": (0.0, 64.0),
        "keep": (0.0, 100.0), "contour": (0.0, 100.0),
        "box": (0.0, 100.0), "slice": (0, depth - 1),
    }  # fmt: skip
    words = {
        "sign": SIGNS, "scaling": ("panel", "shared"), "colour_map": pack.COLOUR_MAPS,
        "order": ("size", "table"),
    }  # fmt: skip
    found = dict(display)
    for name, value in display.items():
        if name in ranges:
            low, high = ranges[name]
            if not _is_number(value) or not low <= value <= high:
                raise ExplainError(f"display {name} is {value!r}; it takes {low:g} to {high:g}.")
            if name == "slice" and value != int(value):
                raise ExplainError(f"display slice is {value!r}; it takes a whole number.")
            found[name] = value if isinstance(value, (int, float)) else float(value)
        elif name in words:
            if value not in words[name]:
                raise ExplainError(
                    f"display {name} is {value!r}; it takes {', '.join(words[name])}."
                )
        elif name in ("truth", "error"):
            if not isinstance(value, bool):
                raise ExplainError(f"display {name} is {value!r}; it takes True or False.")
        else:
            raise ExplainError(
                f"{name!r} is no display setting; there are {', '.join(DEFAULT_DISPLAY)}."
            )
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def usual_display(subject: Subject, depth: int) -> Display:
    """The settings of a new widget: bars have room for the largest of them, and of a volume the
    slice in the middle is shown."""
    clip = 100.0 if subject.kind == "table" else DEFAULT_DISPLAY["clip"]
    return {**DEFAULT_DISPLAY, "clip": clip, "slice": depth // 2}


def refuse_volumes(subject: Subject, who: str) -> None:
    """Refuse what works on one plane on behalf of `who`."""
    if subject.kind == "volume":
        raise ExplainError(
            f"{who} on pictures, texts and tables; this subject's inputs are volumes, of which "
            "panels show maps, slice by slice."
        )


def checked_masking(masking: Any, shape: tuple[int, int], fills: Sequence[str]) -> dict[str, Any]:
    """Settings of masking with known names and values in range; others are refused in words."""
    if not isinstance(masking, Mapping):
        raise ExplainError(f"masking is {masking!r}; it takes a dict, such as {{'share': 20}}.")
    words = {"mode": ("remove", "keep", "reveal"), "fill": fills}
    for name, value in masking.items():
        if name not in DEFAULT_MASKING:
            raise ExplainError(
                f"{name!r} is no setting of masking; there are {', '.join(DEFAULT_MASKING)}."
            )
        if name in words and value not in words[name]:
            raise ExplainError(f"masking {name} is {value!r}; it takes {', '.join(words[name])}.")
        if name in ("on", "spares") and not isinstance(value, bool):
            raise ExplainError(f"masking {name} is {value!r}; it takes True or False.")
        if name in ("share", "turn") and not _is_number(value):
            raise ExplainError(f"masking {name} is {value!r}; it takes a number.")
    found = dict(masking)
    if "share" in found:
        found["share"] = _percent(float(found["share"]))
    if "strokes" in found:
        found["strokes"] = checked_strokes(found["strokes"], shape, "masking strokes")
    return found


def _percent(share: float) -> float:
    """A share in percent, to the nearest half; a fraction that was meant for one is refused."""
    if not 0 <= share <= 100:
        raise ExplainError(f"masking share is {share:g}; it takes 0 to 100 percent.")
    halves = round(2 * share) / 2
    if share < 1 and share != halves:
        raise ExplainError(
            f"masking share is {share:g}; it takes percent, 0 to 100 in halves: write "
            f"{100 * share:g} for {100 * share:g} %."
        )
    return halves


def checked_strokes(strokes: Any, shape: tuple[int, int], who: str) -> list[list[int]]:
    """Strokes of a brush that lie in the picture; others are refused on behalf of `who`."""
    try:
        found = [[int(number) for number in stroke] for stroke in strokes]
    except (TypeError, ValueError):
        found = [[]]
    height, width = shape
    for side, *points in ([*stroke, *[0] * (not stroke)] for stroke in found):
        inside = all(
            0 <= x < width and 0 <= y < height
            for x, y in zip(points[::2], points[1::2], strict=False)
        )
        if side < 1 or len(points) % 2 or not points or not inside:
            raise ExplainError(
                f"{who} takes [side, x, y, x, y, ...] for each stroke of the brush, in "
                f"pixels of the picture ({width}×{height})."
            )
    return found
