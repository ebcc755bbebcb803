/** A page for tests: panels with the heatmap that each of them shows, and the place for them. */

import { afterEach, beforeEach } from "vitest";
import type { Model } from "../src/requests";
import { DEFAULT_DISPLAY, type Token } from "../src/wire";

const grey = (n: number) => new DataView(new Uint8Array(n).buffer);
/** A map of 4 × 4 that is 0. */
export const map = { data: grey(64), dtype: "float32" as const, shape: [4, 4], scale: 1 };

/** What a panel shows after its `request`-th question. */
export const heatmap = (request: number) => ({
  kind: "heatmap",
  request,
  target: "cat",
  input: 0,
  map,
  low: 0,
  high: 1,
  total: 1,
  seconds: 1,
  forwards: 1,
  backwards: 1,
  facts: [],
  warnings: [],
});

/** The traits of a page with a panel for each of `panels`, which say what is theirs alone. */
export function page(panels: object[], about: object = {}): Record<string, unknown> {
  return {
    _kind: "compare",
    about: {
      version: "0",
      title: "t",
      live: true,
      classes: ["cat"],
      methods: [],
      layers: [],
      fills: [],
      questions: [],
      colour_maps: [{ name: "RdBu", diverging: true, data: grey(768) }],
      ...about,
    },
    strip: [],
    scene: {
      index: 0,
      name: "n",
      picture: { data: grey(48), dtype: "uint8", shape: [4, 4, 3], scale: 1 },
      predictions: [],
      truth: null,
      masks: [],
      note: "",
    },
    target: { label: "cat", indices: [0] },
    panels: panels.map((own, i) => ({
      id: `p${i}`,
      slot: i,
      title: `Panel ${i}`,
      method: `M${i}`,
      blurb: "",
      pinned: false,
      settings: {},
      knobs: [],
      ...own,
    })),
    status: {},
    region: {},
    display: { ...DEFAULT_DISPLAY },
    notice: { message: "" },
    ...Object.fromEntries(panels.map((_, i) => [`slot_0${i}`, heatmap(1)])),
  };
}

/** One value a part: of a text's tokens, or of a row's columns. */
export const parts = (values: number[], dtype: "float32" | "uint8" = "float32") => ({
  data: new DataView((dtype === "uint8" ? Uint8Array : Float32Array).from(values).buffer),
  dtype,
  shape: [1, values.length],
  scale: 1,
});

/** What a panel shows of the input of that number, which consists of these parts. */
export const worth = (input: number, tokens: Token[], map: unknown, more: object = {}) => ({
  ...heatmap(1),
  input,
  tokens,
  map,
  ...more,
});

/** A page whose inputs consist of parts: `first` is on screen, `rest` are the names of the others, and
 * `reason` says which parts are true. The last panel is pinned. Colours are shades of grey. */
export function rowPage(
  about: { kind: "text" | "table"; whole: string; part: string; fills: string[] },
  first: { name: string; tokens: Token[]; reason: number[]; logit: number },
  rest: string[],
  answers: object[],
): Record<string, unknown> {
  const greys = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const { name, tokens, reason, logit } = first;
  const found = page(
    answers.map((_, i) => ({ title: `Method ${i}`, pinned: i === answers.length - 1 })),
    {
      ...about,
      colour_maps: [{ name: "RdBu_r", diverging: true, data: new DataView(greys.buffer) }],
    },
  );
  return {
    ...found,
    strip: [name, ...rest].map((one) => ({
      name: one,
      thumb: null,
      truth: null,
      predicted: "cat",
      right: null,
    })),
    scene: {
      ...(found.scene as object),
      name,
      picture: null,
      tokens,
      predictions: [{ index: 0, name: "cat", probability: 0.9, logit }],
      masks: [{ name: "reason", mask: parts(reason) }],
    },
    status: Object.fromEntries(
      answers.map((_, i) => [`p${i}`, { status: "done", request: 1, progress: 1, message: "" }]),
    ),
    filled: { fill: about.fills[0], input: 0, picture: null },
    ...Object.fromEntries(answers.map((own, i) => [`slot_0${i}`, own])),
  };
}

/** What the mask slider says at a share in percent. */
export const masked = (share: number, fill: string) => ({
  on: true,
  turn: 1,
  share,
  mode: "remove",
  fill,
  strokes: [],
  spares: false,
});

interface Sent {
  name: string;
  args: Record<string, unknown>;
}

/** A model that holds traits, tells who listens when one is set, and keeps what the page sends. */
export function host(state: Record<string, unknown>) {
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const sent: Sent[] = [];
  const model: Model = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      for (const run of listeners.get(`change:${name}`) ?? []) (run as () => void)();
    },
    on: (event, run) => listeners.set(event, (listeners.get(event) ?? new Set()).add(run)),
    off: (event, run) => listeners.get(event)?.delete(run),
    send: (content) => sent.push(content as Sent),
  };
  return { model, sent };
}

export const point = (target: HTMLElement, type: string) =>
  target.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0, pointerType: "mouse" }));
export const press = (target: HTMLElement, key: string, shiftKey = false) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
/** The names of the sliders on the page. */
export const sliders = () =>
  [...el.querySelectorAll("input[type=range]")].map((one) => one.getAttribute("aria-label"));

/** Where the page is drawn, anew for every test. */
export let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());
