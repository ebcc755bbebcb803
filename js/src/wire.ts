// Written by tools/wire_types.py from xaiwidgets/widgets/wire.py; change that, then run it again.
// Names keep their Python spelling. Bytes arrive as a DataView (some hosts hand over a buffer).

export type Kind = "picture" | "text" | "table" | "volume";

export type Dtype = "float16" | "float32" | "uint8";

export type Sign = "signed" | "positive" | "negative" | "absolute";

export type Scaling = "panel" | "shared";

export type Order = "size" | "table";

export type Status = "waiting" | "running" | "done" | "error" | "cancelled";

export type MaskMode = "remove" | "keep" | "reveal";

export type BadgeState = "good" | "doubtful" | "poor" | "unknown" | "checking" | "waiting";

export type ConceptMeasureName = "magnitude" | "score";

export type KnobKind = "integer" | "number" | "choice" | "switch" | "layer";

/** An array: the value is `stored * scale`. */
export interface Array {
  data: DataView;
  dtype: Dtype;
  shape: number[];
  scale: number;
}

/** Dicts and lists that hold arrays, each of whose `data` is the place where its bytes begin in `data`, which is deflated (zlib). */
export interface Parcel {
  content: unknown;
  data: DataView;
}

/** Small pictures of one `size` (height, width) on a sheet, so many `columns` in a row; each has room for whole blocks of 8 × 8 pixels. */
export interface PictureSheet {
  jpeg: DataView;
  columns: number;
  size: number[];
}

/** One setting that a reader may turn, as its method declares it. */
export interface KnobCard {
  name: string;
  kind: KnobKind;
  default: unknown;
  low?: number;
  high?: number;
  step?: number;
  log?: boolean;
  choices?: string[];
  unit?: string;
  help: string;
}

/** One method of the catalogue from which panels are added. */
export interface MethodCard {
  name: string;
  title: string;
  family: string;
  blurb: string;
  source: string;
  knobs: KnobCard[];
}

/** 256 RGB triples; a diverging map has its neutral colour in the middle. */
export interface ColourMap {
  name: string;
  diverging: boolean;
  data: DataView;
}

/** One question of the trust badges; `word` is what an explanation is that passes. */
export interface QuestionCard {
  name: string;
  word: string;
  title: string;
  asks: string;
}

/** One token of a text: what the vocabulary calls it, what of the text it stands for, and what lies in front of it there, such as a blank. A special one is no part of the text. Of a table one cell of a row: its column, and what stands in it. */
export interface Token {
  name: string;
  piece: string;
  gap: string;
  special: boolean;
}

/** What does not change while a widget lives. `kind` is that of its inputs, `whole` what one is called, and `part` what it consists of, such as a pixel. */
export interface About {
  version: string;
  title: string;
  kind: Kind;
  whole: string;
  part: string;
  live: boolean;
  classes: string[];
  methods: MethodCard[];
  layers: string[];
  colour_maps: ColourMap[];
  fills: string[];
  questions: QuestionCard[];
}

/** One place of an experiment's slider, or a switch beside it. */
export interface Step {
  key: string;
  label: string;
}

/** Circumstances that every panel is followed through, such as a network that forgets. `steps` are the slider's places after its `origin`, `beside` further circumstances. `switches` says what the row of `names` does: switches up to the step are off, the step's own one is, or "any": each for itself, and the key of a set is its names joined by `joined`. A step is the same in experiments of one `number`, and where it is `usable` a panel may take it for its setting. */
export interface Experiment {
  title: string;
  slider: string;
  origin: string;
  hint: string;
  steps: Step[];
  beside: Step[];
  switches: "" | "cascade" | "single" | "any";
  names: string[];
  joined: string;
  knobs: KnobCard[];
  settings: Record<string, unknown>;
  usable: boolean;
  number: number;
}

/** How alike a step's map is to the origin's: the mean over draws, and lowest and highest where there are several. `words` says it, or why there is no map. */
export interface Mark {
  value: number | null;
  low?: number;
  high?: number;
  words: string;
  failed?: boolean;
}

/** What a panel's answer (by its `request`) became at the steps so far; maps come as frames of this `film`. */
export interface Trail {
  film: number;
  request: number;
  marks: Record<string, Mark>;
  verdict: string;
}

/** How far the work on an experiment is: maps done of those wanted, and the one being made. */
export interface Walking {
  status: "" | "running" | "done" | "stopped" | "cancelled";
  done: number;
  total: number;
  panel: string;
  key: string;
  progress: number;
}

/** The setting of one panel that goes through a row of values; its trail is the panel's. */
export interface PanelSweep {
  setting: string;
  card: Experiment | null;
  walk: Walking | null;
}

/** One input of the strip; `right` is None when its true class is not known. A text has no thumbnail: its name is how it begins; nor has a row of a table. */
export interface StripItem {
  name: string;
  thumb: Array | null;
  truth: string | null;
  predicted: string;
  right: boolean | null;
}

/** One bar: class index, its name, its probability (or score) and its logit. */
export interface Prediction {
  index: number;
  name: string;
  probability: number;
  logit: number;
}

/** A region that is known to be true, such as the object's pixels (uint8, 0 or 1). */
export interface Mask {
  name: string;
  mask: Array;
}

/** The input on screen: its picture (uint8, height × width × 3), or its tokens where it is a text, its cells where it is a row of a table, and what the network says. */
export interface Scene {
  index: number;
  name: string;
  picture: Array | null;
  tokens: Token[];
  predictions: Prediction[];
  truth: string | null;
  masks: Mask[];
  note: string;
}

/** What is explained. `indices` is one class, two for a contrast, none for a function. */
export interface TargetCard {
  label: string;
  indices: number[];
}

/** One panel: which answer slot it reads, its method, its settings and its knobs; `flow` says whether its answers can tell where their relevance went. */
export interface PanelCard {
  id: string;
  slot: number;
  method: string;
  title: string;
  blurb: string;
  pinned: boolean;
  settings: Record<string, unknown>;
  knobs: KnobCard[];
  flow: boolean;
}

/** How far a panel's newest request is; `message` is the error or the reason, in words. */
export interface PanelStatus {
  status: Status;
  request: number;
  progress: number;
  message: string;
}

/** One map of a strip, such as the interior gradient at one α; `number` is what belongs to it, such as its similarity to the trained network's map. */
export interface Frame {
  label: string;
  map: Array;
  number: number | null;
}

/** A panel's map at one step of an experiment. */
export interface StepFrame {
  label: string;
  map: Array;
}

/** From Python: a frame of a film, its map's bytes beside it. Maps of steps travel as messages, because a trait of all of them would be sent whole for every new one. */
export interface FrameMessage {
  type: "frame";
  film: number;
  key: string;
  frame: StepFrame;
}

/** What the network says at a step, and its input there where that is another. */
export interface StepScene {
  predictions: Prediction[];
  picture?: Array;
}

/** From Python: the scene of a step of an input, its picture's bytes beside it. */
export interface SceneMessage {
  type: "scene";
  number: number;
  input: number;
  key: string;
  scene: StepScene;
}

/** A signed map (height × width) with what it says about itself. `levels` (uint8), there while masking is on, is the step 1 ... 200 of the mask slider at which a pixel goes when the most important go first: a mask is one comparison a pixel, the same on both sides of the wire. The map of a text has one row, a value a token, and brings the `tokens`; that of a table a value a column, and its cells. */
export interface HeatmapAnswer {
  kind: "heatmap";
  request: number;
  target: string;
  input: number;
  tokens?: Token[];
  map: Array;
  error?: Array;
  levels?: Array;
  frames?: Frame[];
  low: number;
  high: number;
  total: number;
  seconds: number;
  forwards: number;
  backwards: number;
  facts: string[];
  warnings: string[];
}

/** A rectangle in pixels of the picture; x1 and y1 are exclusive. Of a text x counts tokens, of a table columns, and y is 0 to 1. */
export interface Region {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** How maps are drawn. The browser applies it alone; Python only remembers it. `slice` is the number of the slice of a volume that is on screen. */
export interface Display {
  colour_map: string;
  sign: Sign;
  scaling: Scaling;
  clip: number;
  opacity: number;
  smoothing: number;
  keep: number;
  contour: number;
  box: number;
  slice: number;
  order: Order;
  truth: boolean;
  error: boolean;
}

export const DEFAULT_DISPLAY: Display = {
  colour_map: "RdBu_r",
  sign: "signed",
  scaling: "panel",
  clip: 99.5,
  opacity: 0.85,
  smoothing: 0.0,
  keep: 100.0,
  contour: 0.0,
  box: 0.0,
  slice: 0,
  order: "size",
  truth: false,
  error: false,
};

/** Which pixels are hidden in every panel, and what fills the hole. `share` in percent, in halves: "remove" takes the top share of each panel's own map away, "keep" takes the bottom share away, "reveal" brings the top share back into the filled picture. `strokes` is what the brush painted on the input, [side, x, y, x, y, ...] each, a square of that side around every point; the paint is covered, or with `spares` all that is not covered. `turn` counts the changes, so that a score can say which of them it belongs to. */
export interface MaskSettings {
  on: boolean;
  turn: number;
  share: number;
  mode: MaskMode;
  fill: string;
  strokes: number[][];
  spares: boolean;
}

export const DEFAULT_MASKING: MaskSettings = {
  on: false,
  turn: 0,
  share: 10.0,
  mode: "remove",
  fill: "blur",
  strokes: [],
  spares: false,
};

/** The picture (uint8) from which holes are filled. None where it depends on the hole. */
export interface Filled {
  fill: string;
  input: number;
  picture: Array | null;
}

/** The target's score of the whole picture and of the masked one; `request` is the answer's whose map made the mask. `problem` says why there is none. */
export interface MaskScore {
  request: number;
  intact: number;
  masked: number;
  random: number;
  problem?: string;
}

/** The scores of every panel's masked picture, and of the brushed input. `turn` is the settings' turn that they belong to; `unit` what the numbers are. `random` in them is a mask of the same share drawn by lot. */
export interface MaskScores {
  turn: number;
  unit: "probability" | "score";
  panels: Record<string, MaskScore>;
  brush?: MaskScore;
  problem: string;
}

/** One curve; a control of several draws has a band (lowest and highest) as well. */
export interface Trace {
  y: number[];
  low?: number[];
  high?: number[];
  auc: number;
  aopc: number;
}

/** Both curves of a panel: the score while its top share is removed, and while it is shown. */
export interface MaskLine {
  panel: string;
  deletion: Trace;
  insertion: Trace;
}

/** The curves that there are for what is on screen; `missing` panels have none yet. `x` is the share, 0 ... 1; `random` the control, `draws` orders drawn by lot. */
export interface MaskCurves {
  status: "" | "running" | "done" | "error" | "cancelled";
  progress: number;
  message: string;
  missing: number;
  unit: "probability" | "score";
  x: number[];
  lines: MaskLine[];
  random?: MaskLine;
  draws: number;
}

/** Whether panels wear badges, and by which question's name they are sorted ("": as placed). */
export interface TrustSettings {
  on: boolean;
  sort: string;
}

export const DEFAULT_TRUST: TrustSettings = {
  on: false,
  sort: "",
};

/** One line; None where there is nothing to say. A control may have a band. */
export interface EvidenceLine {
  name: string;
  y: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  control: boolean;
}

/** Lines over x, 0 ... 1, between two ends that have names; the verdict is read at `at`. */
export interface EvidenceLines {
  kind: "lines";
  x: number[];
  lines: EvidenceLine[];
  x_label: string;
  y_label: string;
  ends: string[];
  at: number | null;
}

/** One bar: a share of 1. */
export interface EvidenceBar {
  name: string;
  value: number;
  control: boolean;
}

/** Bars on one scale. */
export interface EvidenceBars {
  kind: "bars";
  bars: EvidenceBar[];
  label: string;
}

/** The answer to one question, with its evidence; `rank` sorts among equal verdicts, more is better. `beside` is the number and its controls, each a name and words; `limits` tells how far verdicts reach. */
export interface BadgeCard {
  question: string;
  state: BadgeState;
  rank: number | null;
  sentence: string;
  beside: string[][];
  limits: string;
  picture: EvidenceLines | EvidenceBars | null;
}

/** The badges of a panel's answer, that of `request`. */
export interface Badges {
  request: number;
  badges: BadgeCard[];
}

/** What of the relevance an operation kept, by who took it; who gave has a number below 0. `lost` had nowhere to go; `kept` is what a rule does not tell apart. */
export interface FlowTakes {
  bias?: number;
  stabiliser?: number;
  lost?: number;
  kept?: number;
}

/** One operation that relevance meets on its way down; rows of one `block` may be folded. `entered` is what reached its output, `takes` who kept how much of that, and `flowing` what of all relevance is still on its way to the input below it. `map` is the relevance that entered, channels summed, where there is a map and it is kept. `words` says the row. */
export interface FlowRow {
  label: string;
  title: string;
  what: string;
  block: string;
  size: string;
  entered: number;
  flowing: number;
  takes: FlowTakes;
  words: string;
  map?: Array;
}

/** One way of relevance from the output (the first row) to the input (the last). `way` tells it from others of the same answer; `note` says which maps are left out. */
export interface FlowWay {
  way: string;
  rows: FlowRow[];
  note: string;
}

/** The flow of the answer of `request`, when it is done; `message` says why there is none. */
export interface FlowCard {
  request: number;
  status: Status;
  message: string;
  ways: FlowWay[];
}

/** One picture of a trial (uint8, height × width × 3), with the words below it. */
export interface StudyPicture {
  caption: string;
  picture: Array;
}

/** What came of one method: the share of right answers with its interval, and that of a guess; None where nobody answered. */
export interface StudyRow {
  method: string;
  answers: number;
  share: number | null;
  low: number;
  high: number;
  chance: number;
  seconds: number | null;
}

/** A study as the page shows it: a trial being prepared, asked or told about, or the results when it is over. `number` counts from 0; `told` is what is revealed after an answer. */
export interface StudyCard {
  state: "preparing" | "asking" | "told" | "over";
  about: string;
  number: number;
  total: number;
  question: string;
  choices: string[];
  shown: StudyPicture[];
  told: string;
  problem: string;
  results: StudyRow[];
}

/** A concept that units are compared with, and what kind it is. */
export interface ConceptCard {
  name: string;
  category: string;
}

/** What a widget of units is about. `size` is (height, width) of the inputs, `count` how many there are; a unit is a detector of its best concept from an IoU of `iou` on. The network `draws` where it is a generator; a widget of explanations is `linked` where it shows the relevance of the unit that is looked at. Where there are concepts, a unit is active where it exceeds what a share `quantile` of its activations exceed (0 without), and Python `recounts` with another share where it still has what was kept. */
export interface UnitsAbout {
  version: string;
  title: string;
  live: boolean;
  size: number[];
  count: number;
  concepts: ConceptCard[];
  iou: number;
  draws: boolean;
  linked: boolean;
  quantile: number;
  recounts: boolean;
  facts: string[];
  warnings: string[];
}

/** How far the work of a widget is; `message` is what is being done, or the error in words. */
export interface WorkStatus {
  status: Status;
  progress: number;
  message: string;
}

/** All that the page knows of one layer's units. `values` (units × top) are each unit's largest activations, `pictures` (units × top) where in the sheet of pictures the inputs lie (−1 for none), `peaks` (units × top) the cell of the largest activation and `maps` (uint8, units × top × height × width) the unit's activations in steps of 1/255 from its `low` to its `high` (units). A unit speaks where it is above its `level` (units). `rows` (height × 2) and `columns` (width × 2) are the pixels that a cell sees. `bars` (units × bins) are the histogram's counts between `low` and `high`, `active` (units) the share of positions above 0, `silent` (units) which say the same on all inputs, `places` (units × 2) points of a plane in which like lies near like, `near` (units × n) the most similar units and `alike` (units × n) their correlations. */
export interface UnitSheet {
  layer: string;
  units: number;
  values: Array;
  pictures: Array;
  peaks: Array;
  maps: Array;
  low: Array;
  high: Array;
  level: Array;
  rows: Array;
  columns: Array;
  bars: Array;
  active: Array;
  silent: Array;
  places: Array;
  near: Array;
  alike: Array;
  filters?: FilterSheet;
}

/** What one layer's units detect. `level` (units) is what an activation has to exceed, `ious` (units × concepts) each IoU, `bounds` the largest that areas of these sizes allow, `chances` the largest by chance. `draws` (shuffles × units) are the best concept's IoU in each shuffling, and `p` (units) says how often one is as good. `turned` (rotations × units) are the best IoUs of units along random axes, `turned_concepts` their concepts, and their mean lies within `spread` standard deviations (95 %; 0 without an interval). `anchors` are the place of the first cell's centre and the step to the next, down and then across, in pixels of the input. */
export interface UnitConcepts {
  level: Array;
  ious: Array;
  bounds: Array;
  chances: Array;
  draws: Array;
  p: Array;
  turned: Array;
  turned_concepts: Array;
  spread: number;
  anchors?: number[];
}

/** Where concepts are in the sheet of pictures: `pairs` (masks × 2) are the picture's place and the concept's number, `bits` (uint8, masks × bytes) its pixels row by row, highest bit first. */
export interface ConceptMasks {
  pairs: Array;
  bits: Array;
}

/** What becomes of a class (its mean probability over the inputs that the network calls by it), or of a concept that a generator draws (its share of the pixels), without some units. */
export interface OffRow {
  name: string;
  inputs: number;
  before: number;
  after: number;
}

/** Units of one layer that are switched off, and what the network does without them. A generator brings its pictures (uint8, n × height × width × 3) `before` and `after`. */
export interface UnitsOff {
  layer: string;
  units: number[];
  status: Status;
  message: string;
  rows: OffRow[];
  inputs: number;
  before?: Array;
  after?: Array;
}

/** A layer's weights: of each unit the `channels` (units × n) that it weighs most, and their `weights` (uint8, units × n × height × width; 128 is 0, each unit to its own largest). In `colours` the three are red, green and blue. */
export interface FilterSheet {
  colours: boolean;
  weights: Array;
  channels: Array;
}

/** What does not change while a widget of concepts lives. `fewest` examples make a concept; `judged` is the measure that is tested, `output` what of the network is the score, and `others` say what a concept is told from. */
export interface ConceptsAbout {
  version: string;
  title: string;
  live: boolean;
  classes: string[];
  layers: string[];
  fewest: number;
  judged: ConceptMeasureName;
  output: string;
  others: string;
  colour_map: ColourMap;
  note: string;
}

/** One picture that concepts are looked for in, in small, and what the network says. */
export interface ConceptPicture {
  name: string;
  thumb: Array;
  truth: string | null;
  predicted: string;
}

/** A concept, how many of its examples were taken (None before they are), and the first few; `origin` is how they came. */
export interface ConceptRow {
  name: string;
  origin: "given" | "lasso" | "brush";
  count: number | null;
  examples: Array[];
}

/** A score in one measure with its 95 % interval, what each random set scored in the concept's place, where one more would lie, and how seldom it would lie as far out. */
export interface ConceptMeasure {
  value: number;
  low: number | null;
  high: number | null;
  random: number[];
  random_low: number | null;
  random_high: number | null;
  p: number | null;
  significant: boolean;
}

/** One concept at one layer. `refusal` says why there is no score; `likeness` (pictures,) is the cosine of each picture's activations with the concept's vector, `along` (pictures,) how far they lie along it, 0 half way between the concept's examples and random pictures, and `slopes` (pictures,) the derivative of the score along it, NaN for pictures that were not asked about. */
export interface ConceptCell {
  concept: string;
  layer: string;
  refusal: string;
  accuracy: number;
  agreement: number;
  published_p: number | null;
  magnitude: ConceptMeasure;
  score: ConceptMeasure;
  likeness: Array;
  along: Array;
  slopes: Array;
}

/** Every concept at every layer for the class `target`, asked of so many pictures. */
export interface ConceptGrid {
  target: string;
  asked: number;
  cells: ConceptCell[];
  facts: string[];
  warnings: string[];
  seconds: number;
  forwards: number;
  backwards: number;
}

/** The cell whose concept sorts the pictures and lies on them. */
export interface ConceptChoice {
  concept: string;
  layer: string;
}

/** Where in every picture a concept is seen (pictures, height, width), signed; None where the layer has no map. `words` says what a value means, or why there is none. */
export interface ConceptMaps {
  concept: string;
  layer: string;
  maps: Array | null;
  words: string;
}

/** The picture that is looked at closely, as large as the network sees it. */
export interface ConceptScene {
  index: number;
  picture: Array;
}

/** What does not change while a lesson lives: a prediction or a blind comparison. `methods` are those whose maps will be revealed, where that is no secret. */
export interface LessonAbout {
  version: string;
  title: string;
  live: boolean;
  methods: string[];
  colour_maps: ColourMap[];
  questions: QuestionCard[];
}

/** One method's map of a picture. While methods are hidden `name` is the `letter`, the map is divided by its largest magnitude, and nothing else is told. Without a map `problem` says why. */
export interface LessonMap {
  name: string;
  letter: string;
  blurb: string;
  map: Array | null;
  facts: string[];
  warnings: string[];
  problem: string;
}

/** The maps of the picture number `input`. */
export interface LessonSheet {
  input: number;
  maps: LessonMap[];
}

/** How much of the map of a method lies in a region: the one that the reader marked (""), or a true one by name. `share` of the positive evidence, `iou` with as many top pixels, `hit` of the highest pixel, None where the map has no evidence; `area` is the region's share of the picture. */
export interface OverlapCard {
  name: string;
  region: string;
  share: number | null;
  iou: number | null;
  hit: number | null;
  area: number;
}

/** A vote on one picture: letters in the order of trust, the most trusted first, and why. */
export interface Ballot {
  vote: string;
  reason: string;
}

export type Command =
  | "set_target"
  | "select_input"
  | "set_knob"
  | "add_panel"
  | "remove_panel"
  | "move_panel"
  | "pin_panel"
  | "cancel"
  | "retry"
  | "set_region"
  | "set_display"
  | "set_experiment"
  | "show_step"
  | "fill_steps"
  | "stop_steps"
  | "send_frames"
  | "sweep_knob"
  | "use_step"
  | "set_masking"
  | "set_trust"
  | "draw_curves"
  | "stop_curves"
  | "show_flow"
  | "stop_flow"
  | "copy_python"
  | "answer_trial"
  | "next_trial";

export type InsideCommand =
  | "select_unit"
  | "switch_units"
  | "set_quantile"
  | "set_target"
  | "choose_cell"
  | "look_closely"
  | "lasso_concept"
  | "brush_concept"
  | "remove_concept"
  | "retry"
  | "cancel"
  | "copy_python";

export type LessonCommand =
  | "select_input"
  | "set_mark"
  | "reveal"
  | "cast_vote"
  | "retry"
  | "cancel"
  | "copy_python";

/** From the page: a command with a sequence number that its reply repeats. */
export interface Request {
  type: "command";
  seq: number;
  name: Command | InsideCommand | LessonCommand;
  args: Record<string, unknown>;
}

/** From Python: every request gets one, with a value or an error in words. */
export interface Reply {
  type: "reply";
  seq: number;
  ok: boolean;
  value?: unknown;
  error?: string;
}
