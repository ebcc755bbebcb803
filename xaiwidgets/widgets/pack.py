"""Arrays and answers as they travel: bytes with a small header."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from xaiwidgets.core.answers import Heatmap, fold_channels
from xaiwidgets.core.cells import Cells
from xaiwidgets.core.declare import Knob
from xaiwidgets.core.display import colours, is_diverging
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.tokens import Tokens

from .wire import Array, ColourMap, HeatmapAnswer, KnobCard, MethodCard, Token

FRAME_SIDE = 72
COLOUR_MAPS = ("RdBu_r", "PuOr_r", "BrBG_r", "viridis", "cividis", "magma", "gray")


def pack_map(values: np.ndarray) -> Array:
    """A float map (height, width) as half floats of map ÷ its largest magnitude."""
    size = float(np.abs(values).max())
    scale = size if size > 0 else 1.0
    half = (values / scale).astype("<f2")
    return {"data": half.tobytes(), "dtype": "float16", "shape": list(values.shape), "scale": scale}


def pack_bytes(values: np.ndarray) -> Array:
    """A uint8 or bool array as it is."""
    plain = np.ascontiguousarray(values).astype(np.uint8)
    return {"data": plain.tobytes(), "dtype": "uint8", "shape": list(plain.shape), "scale": 1.0}


def pack_picture(picture: np.ndarray) -> Array:
    """A picture (height, width, 3) as it is; of a volume (depth, height, width, 3) that is grey one
    channel is enough."""
    grey = picture.ndim == 4 and bool((picture == picture[..., :1]).all())
    return pack_bytes(picture[..., :1] if grey else picture)


def pack_floats(values: np.ndarray) -> Array:
    """Numbers as single floats, NaN among them where there is none."""
    plain = np.ascontiguousarray(values, "<f4")
    return {"data": plain.tobytes(), "dtype": "float32", "shape": list(plain.shape), "scale": 1.0}


def unpack(array: Array) -> np.ndarray:
    """What `pack_map` or `pack_bytes` made, as an array again."""
    dtype = {"float16": "<f2", "float32": "<f4", "uint8": "u1"}[array["dtype"]]
    stored = np.frombuffer(array["data"], dtype).reshape(array["shape"])
    return stored if array["dtype"] == "uint8" else stored.astype(np.float32) * array["scale"]


def pack_heatmap(
    heat: Heatmap, request: int, index: int, levels: np.ndarray | None = None
) -> HeatmapAnswer:
    """A heatmap of one input as a panel's answer."""
    values = heat.map()[0]
    made = heat.provenance
    answer: HeatmapAnswer = {
        "kind": "heatmap",
        "request": request,
        "target": made.target[0],
        "input": index,
        "map": pack_map(values),
        "low": float(values.min()),
        "high": float(values.max()),
        "total": float(values.sum()),
        "seconds": made.seconds,
        "forwards": made.forwards,
        "backwards": made.backwards,
        "facts": heat.facts,
        "warnings": heat.warnings,
    }
    if heat.parts is not None:
        answer["tokens"] = pack_parts(heat.parts[0])
    if levels is not None:
        answer["levels"] = pack_bytes(levels)
    error = heat.error_map()
    if error is not None:
        answer["error"] = pack_map(error[0])
    if heat.frames and values.ndim == 2:
        answer["frames"] = [
            {
                "label": frame.label,
                "map": pack_map(small(fold_channels(frame.values, heat.reduction)[0])),
                "number": _said(frame.number),
            }
            for frame in heat.frames
        ]
    return answer


def pack_parts(own: Tokens | Cells) -> list[Token]:
    """A text as its tokens, a row of a table as its cells."""
    if isinstance(own, Cells):
        return [
            {"name": name, "piece": piece, "gap": "", "special": False}
            for name, piece in zip(own.names, own.pieces, strict=True)
        ]
    parts = zip(own.names, own.pieces, own.gaps, own.special, strict=True)
    return [
        {"name": name, "piece": piece, "gap": gap, "special": special}
        for name, piece, gap, special in parts
    ]


def _said(number: float | None) -> float | None:
    """A number that JSON can say."""
    return number if number is not None and math.isfinite(number) else None


def small(values: np.ndarray, most: int = FRAME_SIDE) -> np.ndarray:
    """A map brought to at most so many pixels a side by averaging whole blocks; the one row of a
    text stays whole."""
    block = -(-max(values.shape) // most)
    if block == 1 or len(values) == 1:
        return values
    height, width = (side // block * block for side in values.shape)
    cut = values[:height, :width].reshape(height // block, block, width // block, block)
    return cut.mean((1, 3))


def thumb(picture: np.ndarray, side: int = 64) -> Array:
    """A picture (height, width, 3) as a thumbnail of at most `side` pixels; of a volume its middle
    slice."""
    from PIL import Image

    if picture.ndim == 4:
        picture = picture[len(picture) // 2]
    image = Image.fromarray(picture)
    image.thumbnail((side, side))
    return pack_bytes(np.asarray(image))


def knob_card(knob: Knob, layers: list[str], lacks: Container[str] = ()) -> KnobCard:
    """A knob as the page draws it, without choices that the kind of input `lacks`."""
    card: KnobCard = {
        "name": knob.name,
        "kind": knob.kind,  # type: ignore[typeddict-item]
        "default": knob.default,
        "help": knob.help,
    }
    if knob.kind in ("integer", "number"):
        assert knob.low is not None
        assert knob.high is not None
        card["low"], card["high"], card["log"] = knob.low, knob.high, knob.log
        card["step"] = knob.step or (1 if knob.kind == "integer" else (knob.high - knob.low) / 100)
    if knob.unit:
        card["unit"] = knob.unit
    if knob.kind == "choice":
        card["choices"] = [choice for choice in knob.choices if choice not in lacks]
    if knob.kind == "layer":
        card["choices"] = layers
    return card


def knob_cards(
    method: type[Attribution] | Attribution, layers: list[str], subject: Subject
) -> list[KnobCard]:
    """A method's knobs that do something for this subject's inputs, with the choices that mean
    something there."""
    idle = method.idle.get(subject.kind, ())
    lacks = {*subject.lacks, *method.lacks.get(subject.kind, ())}
    used = [knob for knob in method.knobs.values() if knob.name not in idle]
    return [knob_card(knob, layers, lacks) for knob in used]


def method_card(
    method: type[Attribution] | Attribution, layers: list[str], subject: Subject
) -> MethodCard:
    """A method, or its class, as an entry of the catalogue."""
    owner = method if isinstance(method, type) else type(method)
    return {
        "name": name_of(method),
        "title": method.title,
        "family": family_of(owner),
        "blurb": blurb_of(method),
        "source": method.source,
        "knobs": knob_cards(owner, layers, subject),
    }


def titles_of(methods: Sequence[Attribution]) -> list[str]:
    """What panels are called: the method, and where several panels show one, the settings in which
    they differ."""
    return [_title_among(method, methods) for method in methods]


def _title_among(method: Attribution, methods: Sequence[Attribution]) -> str:
    alike = [other for other in methods if other.label == method.label]
    differing = [
        knob
        for name, knob in method.knobs.items()
        if any(other.settings.get(name) != method.settings[name] for other in alike)
    ]
    words = [_in_words(knob, method.settings[knob.name]) for knob in differing]
    return ", ".join([method.label, *words])


def _in_words(knob: Knob, value: Any) -> str:
    if knob.kind in ("choice", "layer"):
        return str(value) or "usual layer"
    name = knob.name.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def name_of(method: Any) -> str:
    """The name under which the page asks for a method."""
    if isinstance(method, type):
        return method.__name__
    return type(method).__name__ if type(method).title else method.title


def own_name(name: str, taken: Container[str]) -> str:
    """The name, or "name 2" and so on where it is taken."""
    key, number = name, 2
    while key in taken:
        key, number = f"{name} {number}", number + 1
    return key


def family_of(owner: type) -> str:
    """The drawer in which a method lies: its family's folder, or "yours"."""
    parts = owner.__module__.split(".")
    return parts[2] if parts[:2] == ["xaiwidgets", "methods"] else "yours"


def blurb_of(method: Any) -> str:
    """The first sentence of a method's docstring: what a reader learns from it."""
    text = getattr(method, "function", method).__doc__ or ""
    first = text.strip().split("\n\n")[0]
    return " ".join(first.split())


def colour_maps() -> list[ColourMap]:
    """The colour maps that the page offers."""
    return [
        {"name": name, "diverging": is_diverging(name), "data": colours(name).tobytes()}
        for name in COLOUR_MAPS
    ]
