"""What crosses the wire between Python and the page, written once.

`tools/wire_types.py` reads this file and writes `js/src/wire.ts`; a test fails when the two drift
apart. Names keep their Python spelling on both sides. Arrays travel as bytes with a small header.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

Dtype = Literal["float16", "float32", "uint8"]
Sign = Literal["signed", "positive", "negative", "absolute"]
Scaling = Literal["panel", "shared"]
Status = Literal["waiting", "running", "done", "error", "cancelled"]
KnobKind = Literal["integer", "number", "choice", "switch", "layer"]


class Array(TypedDict):
    """An array: the value is `stored * scale`."""

    data: bytes
    dtype: Dtype
    shape: list[int]
    scale: float


class KnobCard(TypedDict):
    """One setting that a reader may turn, as its method declares it."""

    name: str
    kind: KnobKind
    default: Any
    low: NotRequired[float]
    high: NotRequired[float]
    step: NotRequired[float]
    log: NotRequired[bool]
    choices: NotRequired[list[str]]
    unit: NotRequired[str]
    help: str


class MethodCard(TypedDict):
    """One method of the catalogue from which panels are added."""

    name: str
    title: str
    family: str
    blurb: str
    source: str
    knobs: list[KnobCard]


class ColourMap(TypedDict):
    """256 RGB triples; a diverging map has its neutral colour in the middle."""

    name: str
    diverging: bool
    data: bytes


class About(TypedDict):
    """What does not change while a widget lives."""

    version: str
    title: str
    live: bool
    classes: list[str]
    methods: list[MethodCard]
    layers: list[str]
    colour_maps: list[ColourMap]


class StripItem(TypedDict):
    """One input of the strip; `right` is None when its true class is not known."""

    name: str
    thumb: Array
    truth: str | None
    predicted: str
    right: bool | None


class Prediction(TypedDict):
    """One bar: class index, its name, its probability (or score) and its logit."""

    index: int
    name: str
    probability: float
    logit: float


class Mask(TypedDict):
    """A region that is known to be true, such as the object's pixels (uint8, 0 or 1)."""

    name: str
    mask: Array


class Scene(TypedDict):
    """The input on screen: its picture (uint8, height × width × 3) and what the network says."""

    index: int
    name: str
    picture: Array
    predictions: list[Prediction]
    truth: str | None
    masks: list[Mask]
    note: str


class TargetCard(TypedDict):
    """What is explained. `indices` is one class, two for a contrast, none for a function."""

    label: str
    indices: list[int]


class PanelCard(TypedDict):
    """One panel: which answer slot it reads, its method, its settings and its knobs."""

    id: str
    slot: int
    method: str
    title: str
    blurb: str
    pinned: bool
    settings: dict[str, Any]
    knobs: list[KnobCard]


class PanelStatus(TypedDict):
    """How far a panel's newest request is; `message` is the error or the reason, in words."""

    status: Status
    request: int
    progress: float
    message: str


class Frame(TypedDict):
    """One map of a strip, such as the interior gradient at one α."""

    label: str
    map: Array


class HeatmapAnswer(TypedDict):
    """A signed map (height × width) with what it says about itself."""

    kind: Literal["heatmap"]
    request: int
    target: str
    input: int
    map: Array
    error: NotRequired[Array]
    frames: NotRequired[list[Frame]]
    low: float
    high: float
    total: float
    seconds: float
    forwards: int
    backwards: int
    facts: list[str]
    warnings: list[str]


class Region(TypedDict):
    """A rectangle in pixels of the picture; x1 and y1 are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


class Display(TypedDict):
    """How maps are drawn. The browser applies it alone; Python only remembers it."""

    colour_map: str
    sign: Sign
    scaling: Scaling
    clip: float
    opacity: float
    smoothing: float
    keep: float
    contour: float
    truth: bool
    error: bool


DEFAULT_DISPLAY: Display = {
    "colour_map": "RdBu_r",
    "sign": "signed",
    "scaling": "panel",
    "clip": 99.5,
    "opacity": 0.85,
    "smoothing": 0.0,
    "keep": 100.0,
    "contour": 0.0,
    "truth": False,
    "error": False,
}

Command = Literal[
    "set_target",
    "select_input",
    "set_knob",
    "add_panel",
    "remove_panel",
    "move_panel",
    "pin_panel",
    "cancel",
    "retry",
    "set_region",
    "set_display",
    "copy_python",
]


class Request(TypedDict):
    """From the page: a command with a sequence number that its reply repeats."""

    type: Literal["command"]
    seq: int
    name: Command
    args: dict[str, Any]


class Reply(TypedDict):
    """From Python: every request gets one, with a value or an error in words."""

    type: Literal["reply"]
    seq: int
    ok: bool
    value: NotRequired[Any]
    error: NotRequired[str]
