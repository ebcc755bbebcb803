"""What crosses the wire between Python and the page, written once.

`tools/wire_types.py` reads this file and writes `js/src/wire.ts`; a test fails when the two drift
apart. Names keep their Python spelling on both sides. Arrays travel as bytes with a small header.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

Kind = Literal["picture", "text", "table", "volume"]
Dtype = Literal["float16", "float32", "uint8"]
Sign = Literal["signed", "positive", "negative", "absolute"]
Scaling = Literal["panel", "shared"]
Order = Literal["size", "table"]
Status = Literal["waiting", "running", "done", "error", "cancelled"]
MaskMode = Literal["remove", "keep", "reveal"]
BadgeState = Literal["good", "doubtful", "poor", "unknown", "checking", "waiting"]
ConceptMeasureName = Literal["magnitude", "score"]
KnobKind = Literal["integer", "number", "choice", "switch", "layer"]


class Array(TypedDict):
    """An array: the value is `stored * scale`."""

    data: bytes
    dtype: Dtype
    shape: list[int]
    scale: float


class Parcel(TypedDict):
    """Dicts and lists that hold arrays, each of whose `data` is the place where its bytes begin in
    `data`, which is deflated (zlib)."""

    content: Any
    data: bytes


class PictureSheet(TypedDict):
    """Small pictures of one `size` (height, width) on a sheet, so many `columns` in a row; each has
    room for whole blocks of 8 × 8 pixels."""

    jpeg: bytes
    columns: int
    size: list[int]


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


class QuestionCard(TypedDict):
    """One question of the trust badges; `word` is what an explanation is that passes."""

    name: str
    word: str
    title: str
    asks: str


class Token(TypedDict):
    """One token of a text: what the vocabulary calls it, what of the text it stands for, and what
    lies in front of it there, such as a blank. A special one is no part of the text. Of a table one
    cell of a row: its column, and what stands in it."""

    name: str
    piece: str
    gap: str
    special: bool


class About(TypedDict):
    """What does not change while a widget lives. `kind` is that of its inputs, `whole` what one is
    called, and `part` what it consists of, such as a pixel."""

    version: str
    title: str
    kind: Kind
    whole: str
    part: str
    live: bool
    classes: list[str]
    methods: list[MethodCard]
    layers: list[str]
    colour_maps: list[ColourMap]
    fills: list[str]
    questions: list[QuestionCard]


class Step(TypedDict):
    """One place of an experiment's slider, or a switch beside it."""

    key: str
    label: str


class Experiment(TypedDict):
    """Circumstances that every panel is followed through, such as a network that forgets.

    `steps` are the slider's places after its `origin`, `beside` further circumstances. `switches`
    says what the row of `names` does: switches up to the step are off, the step's own one is, or
    "any": each for itself, and the key of a set is its names joined by `joined`. A step is the same
    in experiments of one `number`, and where it is `usable` a panel may take it for its setting.
    """

    title: str
    slider: str
    origin: str
    hint: str
    steps: list[Step]
    beside: list[Step]
    switches: Literal["", "cascade", "single", "any"]
    names: list[str]
    joined: str
    knobs: list[KnobCard]
    settings: dict[str, Any]
    usable: bool
    number: int


class Mark(TypedDict):
    """How alike a step's map is to the origin's: the mean over draws, and lowest and highest where
    there are several. `words` says it, or why there is no map."""

    value: float | None
    low: NotRequired[float]
    high: NotRequired[float]
    words: str
    failed: NotRequired[bool]


class Trail(TypedDict):
    """What a panel's answer (by its `request`) became at the steps so far; maps come as frames of
    this `film`."""

    film: int
    request: int
    marks: dict[str, Mark]
    verdict: str


class Walking(TypedDict):
    """How far the work on an experiment is: maps done of those wanted, and the one being made."""

    status: Literal["", "running", "done", "stopped", "cancelled"]
    done: int
    total: int
    panel: str
    key: str
    progress: float


class PanelSweep(TypedDict):
    """The setting of one panel that goes through a row of values; its trail is the panel's."""

    setting: str
    card: Experiment | None
    walk: Walking | None


class StripItem(TypedDict):
    """One input of the strip; `right` is None when its true class is not known. A text has no
    thumbnail: its name is how it begins; nor has a row of a table."""

    name: str
    thumb: Array | None
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
    """The input on screen: its picture (uint8, height × width × 3), or its tokens where it is a
    text, its cells where it is a row of a table, and what the network says."""

    index: int
    name: str
    picture: Array | None
    tokens: list[Token]
    predictions: list[Prediction]
    truth: str | None
    masks: list[Mask]
    note: str


class TargetCard(TypedDict):
    """What is explained. `indices` is one class, two for a contrast, none for a function."""

    label: str
    indices: list[int]


class PanelCard(TypedDict):
    """One panel: which answer slot it reads, its method, its settings and its knobs; `flow` says
    whether its answers can tell where their relevance went."""

    id: str
    slot: int
    method: str
    title: str
    blurb: str
    pinned: bool
    settings: dict[str, Any]
    knobs: list[KnobCard]
    flow: bool


class PanelStatus(TypedDict):
    """How far a panel's newest request is; `message` is the error or the reason, in words."""

    status: Status
    request: int
    progress: float
    message: str


class Frame(TypedDict):
    """One map of a strip, such as the interior gradient at one α; `number` is what belongs to it,
    such as its similarity to the trained network's map."""

    label: str
    map: Array
    number: float | None


class StepFrame(TypedDict):
    """A panel's map at one step of an experiment."""

    label: str
    map: Array


class FrameMessage(TypedDict):
    """From Python: a frame of a film, its map's bytes beside it. Maps of steps travel as messages,
    because a trait of all of them would be sent whole for every new one."""

    type: Literal["frame"]
    film: int
    key: str
    frame: StepFrame


class StepScene(TypedDict):
    """What the network says at a step, and its input there where that is another."""

    predictions: list[Prediction]
    picture: NotRequired[Array]


class SceneMessage(TypedDict):
    """From Python: the scene of a step of an input, its picture's bytes beside it."""

    type: Literal["scene"]
    number: int
    input: int
    key: str
    scene: StepScene


class HeatmapAnswer(TypedDict):
    """A signed map (height × width) with what it says about itself.

    `levels` (uint8), there while masking is on, is the step 1 ... 200 of the mask slider at which a
    pixel goes when the most important go first: a mask is one comparison a pixel, the same on both
    sides of the wire. The map of a text has one row, a value a token, and brings the `tokens`; that
    of a table a value a column, and its cells.
    """

    kind: Literal["heatmap"]
    request: int
    target: str
    input: int
    tokens: NotRequired[list[Token]]
    map: Array
    error: NotRequired[Array]
    levels: NotRequired[Array]
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
    """A rectangle in pixels of the picture; x1 and y1 are exclusive. Of a text x counts tokens, of
    a table columns, and y is 0 to 1."""

    x0: int
    y0: int
    x1: int
    y1: int


class Display(TypedDict):
    """How maps are drawn. The browser applies it alone; Python only remembers it. `slice` is the
    number of the slice of a volume that is on screen."""

    colour_map: str
    sign: Sign
    scaling: Scaling
    clip: float
    opacity: float
    smoothing: float
    keep: float
    contour: float
    box: float
    slice: int
    order: Order
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
    "box": 0.0,
    "slice": 0,
    "order": "size",
    "truth": False,
    "error": False,
}


class MaskSettings(TypedDict):
    """Which pixels are hidden in every panel, and what fills the hole.

    `share` in percent, in halves: "remove" takes the top share of each panel's own map away, "keep"
    takes the bottom share away, "reveal" brings the top share back into the filled picture.
    `strokes` is what the brush painted on the input, [side, x, y, x, y, ...] each, a square of that
    side around every point; the paint is covered, or with `spares` all that is not covered. `turn`
    counts the changes, so that a score can say which of them it belongs to.
    """

    on: bool
    turn: int
    share: float
    mode: MaskMode
    fill: str
    strokes: list[list[int]]
    spares: bool


DEFAULT_MASKING: MaskSettings = {
    "on": False,
    "turn": 0,
    "share": 10.0,
    "mode": "remove",
    "fill": "blur",
    "strokes": [],
    "spares": False,
}


class Filled(TypedDict):
    """The picture (uint8) from which holes are filled. None where it depends on the hole."""

    fill: str
    input: int
    picture: Array | None


class MaskScore(TypedDict):
    """The target's score of the whole picture and of the masked one; `request` is the answer's
    whose map made the mask. `problem` says why there is none."""

    request: int
    intact: float
    masked: float
    random: float
    problem: NotRequired[str]


class MaskScores(TypedDict):
    """The scores of every panel's masked picture, and of the brushed input.

    `turn` is the settings' turn that they belong to; `unit` what the numbers are. `random` in them
    is a mask of the same share drawn by lot.
    """

    turn: int
    unit: Literal["probability", "score"]
    panels: dict[str, MaskScore]
    brush: NotRequired[MaskScore]
    problem: str


class Trace(TypedDict):
    """One curve; a control of several draws has a band (lowest and highest) as well."""

    y: list[float]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]
    auc: float
    aopc: float


class MaskLine(TypedDict):
    """Both curves of a panel: the score while its top share is removed, and while it is shown."""

    panel: str
    deletion: Trace
    insertion: Trace


class MaskCurves(TypedDict):
    """The curves that there are for what is on screen; `missing` panels have none yet.

    `x` is the share, 0 ... 1; `random` the control, `draws` orders drawn by lot.
    """

    status: Literal["", "running", "done", "error", "cancelled"]
    progress: float
    message: str
    missing: int
    unit: Literal["probability", "score"]
    x: list[float]
    lines: list[MaskLine]
    random: NotRequired[MaskLine]
    draws: int


class TrustSettings(TypedDict):
    """Whether panels wear badges, and by which question's name they are sorted ("": as placed)."""

    on: bool
    sort: str


DEFAULT_TRUST: TrustSettings = {
    "on": False,
    "sort": "",
}


class EvidenceLine(TypedDict):
    """One line; None where there is nothing to say. A control may have a band."""

    name: str
    y: list[float | None]
    low: list[float | None]
    high: list[float | None]
    control: bool


class EvidenceLines(TypedDict):
    """Lines over x, 0 ... 1, between two ends that have names; the verdict is read at `at`."""

    kind: Literal["lines"]
    x: list[float]
    lines: list[EvidenceLine]
    x_label: str
    y_label: str
    ends: list[str]
    at: float | None


class EvidenceBar(TypedDict):
    """One bar: a share of 1."""

    name: str
    value: float
    control: bool


class EvidenceBars(TypedDict):
    """Bars on one scale."""

    kind: Literal["bars"]
    bars: list[EvidenceBar]
    label: str


class BadgeCard(TypedDict):
    """The answer to one question, with its evidence; `rank` sorts among equal verdicts, more is
    better.

    `beside` is the number and its controls, each a name and words; `limits` tells how far verdicts
    reach.
    """

    question: str
    state: BadgeState
    rank: float | None
    sentence: str
    beside: list[list[str]]
    limits: str
    picture: EvidenceLines | EvidenceBars | None


class Badges(TypedDict):
    """The badges of a panel's answer, that of `request`."""

    request: int
    badges: list[BadgeCard]


class FlowTakes(TypedDict):
    """What of the relevance an operation kept, by who took it; who gave has a number below 0.

    `lost` had nowhere to go; `kept` is what a rule does not tell apart.
    """

    bias: NotRequired[float]
    stabiliser: NotRequired[float]
    lost: NotRequired[float]
    kept: NotRequired[float]


class FlowRow(TypedDict):
    """One operation that relevance meets on its way down; rows of one `block` may be folded.

    `entered` is what reached its output, `takes` who kept how much of that, and `flowing` what of
    all relevance is still on its way to the input below it. `map` is the relevance that entered,
    channels summed, where there is a map and it is kept. `words` says the row.
    """

    label: str
    title: str
    what: str
    block: str
    size: str
    entered: float
    flowing: float
    takes: FlowTakes
    words: str
    map: NotRequired[Array]


class FlowWay(TypedDict):
    """One way of relevance from the output (the first row) to the input (the last). `way` tells it
    from others of the same answer; `note` says which maps are left out."""

    way: str
    rows: list[FlowRow]
    note: str


class FlowCard(TypedDict):
    """The flow of the answer of `request`, when it is done; `message` says why there is none."""

    request: int
    status: Status
    message: str
    ways: list[FlowWay]


class StudyPicture(TypedDict):
    """One picture of a trial (uint8, height × width × 3), with the words below it."""

    caption: str
    picture: Array


class StudyRow(TypedDict):
    """What came of one method: the share of right answers with its interval, and that of a guess;
    None where nobody answered."""

    method: str
    answers: int
    share: float | None
    low: float
    high: float
    chance: float
    seconds: float | None


class StudyCard(TypedDict):
    """A study as the page shows it: a trial being prepared, asked or told about, or the results
    when it is over. `number` counts from 0; `told` is what is revealed after an answer."""

    state: Literal["preparing", "asking", "told", "over"]
    about: str
    number: int
    total: int
    question: str
    choices: list[str]
    shown: list[StudyPicture]
    told: str
    problem: str
    results: list[StudyRow]


class ConceptCard(TypedDict):
    """A concept that units are compared with, and what kind it is."""

    name: str
    category: str


class UnitsAbout(TypedDict):
    """What a widget of units is about. `size` is (height, width) of the inputs, `count` how many
    there are; a unit is a detector of its best concept from an IoU of `iou` on. The network
    `draws` where it is a generator; a widget of explanations is `linked` where it shows the
    relevance of the unit that is looked at. Where there are concepts, a unit is active where it
    exceeds what a share `quantile` of its activations exceed (0 without), and Python `recounts`
    with another share where it still has what was kept."""

    version: str
    title: str
    live: bool
    size: list[int]
    count: int
    concepts: list[ConceptCard]
    iou: float
    draws: bool
    linked: bool
    quantile: float
    recounts: bool
    facts: list[str]
    warnings: list[str]


class WorkStatus(TypedDict):
    """How far the work of a widget is; `message` is what is being done, or the error in words."""

    status: Status
    progress: float
    message: str


class UnitSheet(TypedDict):
    """All that the page knows of one layer's units.

    `values` (units × top) are each unit's largest activations, `pictures` (units × top) where in
    the sheet of pictures the inputs lie (−1 for none), `peaks` (units × top) the cell of the
    largest activation and `maps` (uint8, units × top × height × width) the unit's activations in
    steps of 1/255 from its `low` to its `high` (units). A unit speaks where it is above its `level`
    (units). `rows` (height × 2) and `columns` (width × 2) are the pixels that a cell sees. `bars`
    (units × bins) are the histogram's counts between `low` and `high`, `active` (units) the share
    of positions above 0, `silent` (units) which say the same on all inputs, `places` (units × 2)
    points of a plane in which like lies near like, `near` (units × n) the most similar units and
    `alike` (units × n) their correlations.
    """

    layer: str
    units: int
    values: Array
    pictures: Array
    peaks: Array
    maps: Array
    low: Array
    high: Array
    level: Array
    rows: Array
    columns: Array
    bars: Array
    active: Array
    silent: Array
    places: Array
    near: Array
    alike: Array
    filters: NotRequired[FilterSheet]


class UnitConcepts(TypedDict):
    """What one layer's units detect.

    `level` (units) is what an activation has to exceed, `ious` (units × concepts) each IoU,
    `bounds` the largest that areas of these sizes allow, `chances` the largest by chance. `draws`
    (shuffles × units) are the best concept's IoU in each shuffling, and `p` (units) says how often
    one is as good. `turned` (rotations × units) are the best IoUs of units along random axes,
    `turned_concepts` their concepts, and their mean lies within `spread` standard deviations (95 %;
    0 without an interval). `anchors` are the place of the first cell's centre and the step to the
    next, down and then across, in pixels of the input.
    """

    level: Array
    ious: Array
    bounds: Array
    chances: Array
    draws: Array
    p: Array
    turned: Array
    turned_concepts: Array
    spread: float
    anchors: NotRequired[list[float]]


class ConceptMasks(TypedDict):
    """Where concepts are in the sheet of pictures: `pairs` (masks × 2) are the picture's place and
    the concept's number, `bits` (uint8, masks × bytes) its pixels row by row, highest bit first."""

    pairs: Array
    bits: Array


class OffRow(TypedDict):
    """What becomes of a class (its mean probability over the inputs that the network calls by it),
    or of a concept that a generator draws (its share of the pixels), without some units."""

    name: str
    inputs: int
    before: float
    after: float


class UnitsOff(TypedDict):
    """Units of one layer that are switched off, and what the network does without them. A generator
    brings its pictures (uint8, n × height × width × 3) `before` and `after`."""

    layer: str
    units: list[int]
    status: Status
    message: str
    rows: list[OffRow]
    inputs: int
    before: NotRequired[Array]
    after: NotRequired[Array]


class FilterSheet(TypedDict):
    """A layer's weights: of each unit the `channels` (units × n) that it weighs most, and their
    `weights` (uint8, units × n × height × width; 128 is 0, each unit to its own largest). In
    `colours` the three are red, green and blue."""

    colours: bool
    weights: Array
    channels: Array


class ConceptsAbout(TypedDict):
    """What does not change while a widget of concepts lives. `fewest` examples make a concept;
    `judged` is the measure that is tested, `output` what of the network is the score, and `others`
    say what a concept is told from."""

    version: str
    title: str
    live: bool
    classes: list[str]
    layers: list[str]
    fewest: int
    judged: ConceptMeasureName
    output: str
    others: str
    colour_map: ColourMap
    note: str


class ConceptPicture(TypedDict):
    """One picture that concepts are looked for in, in small, and what the network says."""

    name: str
    thumb: Array
    truth: str | None
    predicted: str


class ConceptRow(TypedDict):
    """A concept, how many of its examples were taken (None before they are), and the first few;
    `origin` is how they came."""

    name: str
    origin: Literal["given", "lasso", "brush"]
    count: int | None
    examples: list[Array]


class ConceptMeasure(TypedDict):
    """A score in one measure with its 95 % interval, what each random set scored in the concept's
    place, where one more would lie, and how seldom it would lie as far out."""

    value: float
    low: float | None
    high: float | None
    random: list[float]
    random_low: float | None
    random_high: float | None
    p: float | None
    significant: bool


class ConceptCell(TypedDict):
    """One concept at one layer. `refusal` says why there is no score; `likeness` (pictures,) is the
    cosine of each picture's activations with the concept's vector, `along` (pictures,) how far they
    lie along it, 0 half way between the concept's examples and random pictures, and `slopes`
    (pictures,) the derivative of the score along it, NaN for pictures that were not asked about."""

    concept: str
    layer: str
    refusal: str
    accuracy: float
    agreement: float
    published_p: float | None
    magnitude: ConceptMeasure
    score: ConceptMeasure
    likeness: Array
    along: Array
    slopes: Array


class ConceptGrid(TypedDict):
    """Every concept at every layer for the class `target`, asked of so many pictures."""

    target: str
    asked: int
    cells: list[ConceptCell]
    facts: list[str]
    warnings: list[str]
    seconds: float
    forwards: int
    backwards: int


class ConceptChoice(TypedDict):
    """The cell whose concept sorts the pictures and lies on them."""

    concept: str
    layer: str


class ConceptMaps(TypedDict):
    """Where in every picture a concept is seen (pictures, height, width), signed; None where the
    layer has no map. `words` says what a value means, or why there is none."""

    concept: str
    layer: str
    maps: Array | None
    words: str


class ConceptScene(TypedDict):
    """The picture that is looked at closely, as large as the network sees it."""

    index: int
    picture: Array


class LessonAbout(TypedDict):
    """What does not change while a lesson lives: a prediction or a blind comparison. `methods` are
    those whose maps will be revealed, where that is no secret."""

    version: str
    title: str
    live: bool
    methods: list[str]
    colour_maps: list[ColourMap]
    questions: list[QuestionCard]


class LessonMap(TypedDict):
    """One method's map of a picture. While methods are hidden `name` is the `letter`, the map is
    divided by its largest magnitude, and nothing else is told. Without a map `problem` says why."""

    name: str
    letter: str
    blurb: str
    map: Array | None
    facts: list[str]
    warnings: list[str]
    problem: str


class LessonSheet(TypedDict):
    """The maps of the picture number `input`."""

    input: int
    maps: list[LessonMap]


class OverlapCard(TypedDict):
    """How much of the map of a method lies in a region: the one that the reader marked (""), or a
    true one by name. `share` of the positive evidence, `iou` with as many top pixels, `hit` of the
    highest pixel, None where the map has no evidence; `area` is the region's share of the picture.
    """

    name: str
    region: str
    share: float | None
    iou: float | None
    hit: float | None
    area: float


class Ballot(TypedDict):
    """A vote on one picture: letters in the order of trust, the most trusted first, and why."""

    vote: str
    reason: str


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
    "set_experiment",
    "show_step",
    "fill_steps",
    "stop_steps",
    "send_frames",
    "sweep_knob",
    "use_step",
    "set_masking",
    "set_trust",
    "draw_curves",
    "stop_curves",
    "show_flow",
    "stop_flow",
    "copy_python",
    "answer_trial",
    "next_trial",
]


InsideCommand = Literal[
    "select_unit",
    "switch_units",
    "set_quantile",
    "set_target",
    "choose_cell",
    "look_closely",
    "lasso_concept",
    "brush_concept",
    "remove_concept",
    "retry",
    "cancel",
    "copy_python",
]


LessonCommand = Literal[
    "select_input",
    "set_mark",
    "reveal",
    "cast_vote",
    "retry",
    "cancel",
    "copy_python",
]


class Request(TypedDict):
    """From the page: a command with a sequence number that its reply repeats."""

    type: Literal["command"]
    seq: int
    name: Command | InsideCommand | LessonCommand
    args: dict[str, Any]


class Reply(TypedDict):
    """From Python: every request gets one, with a value or an error in words."""

    type: Literal["reply"]
    seq: int
    ok: bool
    value: NotRequired[Any]
    error: NotRequired[str]
