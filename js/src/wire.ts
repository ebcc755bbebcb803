// Written by tools/wire_types.py from xaiwidgets/widgets/wire.py; change that, then run it again.
// Names keep their Python spelling. Bytes arrive as a DataView (some hosts hand over a buffer).

export type Dtype = "float16" | "float32" | "uint8";

export type Sign = "signed" | "positive" | "negative" | "absolute";

export type Scaling = "panel" | "shared";

export type Status = "waiting" | "running" | "done" | "error" | "cancelled";

export type KnobKind = "integer" | "number" | "choice" | "switch" | "layer";

/** An array: the value is `stored * scale`. */
export interface Array {
  data: DataView;
  dtype: Dtype;
  shape: number[];
  scale: number;
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

/** What does not change while a widget lives. */
export interface About {
  version: string;
  title: string;
  live: boolean;
  classes: string[];
  methods: MethodCard[];
  layers: string[];
  colour_maps: ColourMap[];
}

/** One input of the strip; `right` is None when its true class is not known. */
export interface StripItem {
  name: string;
  thumb: Array;
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

/** The input on screen: its picture (uint8, height × width × 3) and what the network says. */
export interface Scene {
  index: number;
  name: string;
  picture: Array;
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

/** One panel: which answer slot it reads, its method, its settings and its knobs. */
export interface PanelCard {
  id: string;
  slot: number;
  method: string;
  title: string;
  blurb: string;
  pinned: boolean;
  settings: Record<string, unknown>;
  knobs: KnobCard[];
}

/** How far a panel's newest request is; `message` is the error or the reason, in words. */
export interface PanelStatus {
  status: Status;
  request: number;
  progress: number;
  message: string;
}

/** One map of a strip, such as the interior gradient at one α. */
export interface Frame {
  label: string;
  map: Array;
}

/** A signed map (height × width) with what it says about itself. */
export interface HeatmapAnswer {
  kind: "heatmap";
  request: number;
  target: string;
  input: number;
  map: Array;
  error?: Array;
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

/** A rectangle in pixels of the picture; x1 and y1 are exclusive. */
export interface Region {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** How maps are drawn. The browser applies it alone; Python only remembers it. */
export interface Display {
  colour_map: string;
  sign: Sign;
  scaling: Scaling;
  clip: number;
  opacity: number;
  smoothing: number;
  keep: number;
  contour: number;
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
  truth: false,
  error: false,
};

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
  | "copy_python";

/** From the page: a command with a sequence number that its reply repeats. */
export interface Request {
  type: "command";
  seq: number;
  name: Command;
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
