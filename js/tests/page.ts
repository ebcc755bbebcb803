/** A page for tests: panels with the heatmap that each of them shows, and the place for them. */

import { afterEach, beforeEach } from "vitest";
import { DEFAULT_DISPLAY } from "../src/wire";

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

/** Where the page is drawn, anew for every test. */
export let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());
