/** The widget on tables: bars in order, one hand for all panels, whiskers, and what is hidden. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { at, inOrder } from "../src/compare/bars";
import widget from "../src/index";
import type { Model } from "../src/requests";
import { DEFAULT_DISPLAY } from "../src/wire";

const NASTY = "<img src=x onerror=alert(1)>";
const NAMES = [NASTY, ...Array.from({ length: 13 }, (_, i) => `column ${i + 1}`)];
const cells = (...pieces: string[]) =>
  NAMES.map((name, i) => ({ name, piece: pieces[i] ?? String(i), gap: "", special: false }));
const array = (values: number[], dtype = "float32") => ({
  data: new DataView((dtype === "uint8" ? Uint8Array : Float32Array).from(values).buffer),
  dtype,
  shape: [1, values.length],
  scale: 1,
});
/** Worth of fourteen columns: the first are given, all others 0. */
const worth = (...first: number[]) => array(NAMES.map((_, i) => first[i] ?? 0));
const answer = (input: number, map: unknown, more = {}) => ({
  kind: "heatmap",
  request: 1,
  target: "benign",
  input,
  tokens: cells(input ? "other" : "own"),
  map,
  low: 0,
  high: 1,
  total: 1,
  seconds: 0.1,
  forwards: 1,
  backwards: 0,
  facts: [],
  warnings: [],
  ...more,
});
const panel = (slot: number) => ({
  id: `p${slot}`,
  slot,
  title: `Method ${slot}`,
  method: "M",
  blurb: "",
  pinned: slot === 1,
  settings: {},
  knobs: [],
  flow: false,
});
const done = { status: "done", request: 1, progress: 1, message: "" };

function traits(): Record<string, unknown> {
  const colours = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const filled = { fill: "mean", input: 0, picture: null };
  return {
    _kind: "compare",
    about: {
      version: "0",
      title: "Forest",
      kind: "table",
      whole: "row",
      part: "column",
      live: true,
      classes: ["benign"],
      methods: [],
      layers: [],
      colour_maps: [{ name: "RdBu_r", diverging: true, data: new DataView(colours.buffer) }],
      fills: ["mean", "rows"],
      questions: [],
    },
    strip: [
      { name: "row 1", thumb: null, truth: null, predicted: "benign", right: null },
      { name: "row 2", thumb: null, truth: null, predicted: "benign", right: null },
    ],
    scene: {
      index: 0,
      name: "row 1",
      picture: null,
      tokens: cells("own"),
      predictions: [{ index: 0, name: "benign", probability: 1, logit: 152.5 }],
      truth: null,
      masks: [{ name: "reason", mask: array(NAMES.map((_, i) => Number(i === 1))) }],
      note: "",
    },
    target: { label: "benign", indices: [0] },
    panels: [panel(0), panel(1)],
    status: { p0: done, p1: done },
    slot_00: answer(0, worth(1, -2, 0.5), {
      error: worth(0.25, 0.5),
      levels: array(
        NAMES.map((_, i) => (i === 0 ? 10 : 100)),
        "uint8",
      ),
    }),
    slot_01: answer(1, worth(0, 0, 4)),
    region: {},
    display: { ...DEFAULT_DISPLAY, clip: 100 },
    notice: { message: "" },
    filled,
  };
}

function host() {
  const state = traits();
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const model: Model = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      for (const run of listeners.get(`change:${name}`) ?? []) (run as () => void)();
    },
    on: (event, run) => listeners.set(event, (listeners.get(event) ?? new Set()).add(run)),
    off: (event, run) => listeners.get(event)?.delete(run),
    send: () => undefined,
  };
  return { model };
}

let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());

const tables = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".xw-table")];
const lines = (table: HTMLElement): HTMLElement[] => [
  ...table.querySelectorAll<HTMLElement>(".xw-column[data-at]"),
];
const numbers = (table: HTMLElement): number[] => lines(table).map((one) => Number(one.dataset.at));
const line = (table: HTMLElement, column: number): HTMLElement =>
  lines(table).find((one) => one.dataset.at === String(column)) as HTMLElement;
const here = (table: HTMLElement): number[] =>
  lines(table).flatMap((one) => (one.classList.contains("xw-here") ? Number(one.dataset.at) : []));
const read = (table: HTMLElement): string => table.querySelector(".xw-read")?.textContent ?? "";
const from = (one: HTMLElement): string => one.style.getPropertyValue("--xw-from");
const long = (one: HTMLElement): string => one.style.getPropertyValue("--xw-long");
const point = (target: HTMLElement, type: string) =>
  target.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0 }));
const press = (target: HTMLElement, key: string, shiftKey = false) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));

async function shown() {
  const made = host();
  const close = widget.render({ model: made.model, el });
  await vi.waitFor(() => expect(tables().length).toBe(3));
  await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("50%"));
  return { ...made, close };
}

describe("a row of a table", () => {
  it("stands as it is beside its predictions, and never as HTML", async () => {
    await shown();
    const [input] = tables();
    expect(numbers(input)).toEqual(NAMES.map((_, i) => i));
    expect(lines(input)[0].textContent).toBe(`${NASTY}own`);
    expect(el.querySelector("img")).toBeNull();
    expect(el.querySelector(".xw-share")?.textContent).toBe("153"); // one score is no probability
  });

  it("has bars by size, each panel in its own order, folded after twelve", async () => {
    await shown();
    const [, first, held] = tables();
    expect(numbers(first).slice(0, 3)).toEqual([1, 0, 2]);
    expect(numbers(held)[0]).toBe(2);
    expect(numbers(first).length).toBe(12);
    const more = first.querySelector<HTMLElement>(".xw-more");
    expect(more?.textContent).toBe("2 more columns");
    more?.click();
    expect([first, held].map((table) => numbers(table).length)).toEqual([14, 14]);
  });

  it("keeps the table's order where that is asked for", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, clip: 100, order: "table" });
    await vi.waitFor(() => expect(numbers(tables()[1]).slice(0, 3)).toEqual([0, 1, 2]));
  });

  it("draws what speaks against to the left of 0, and a whisker of one standard error", async () => {
    await shown();
    const [, first] = tables();
    expect([from(line(first, 1)), long(line(first, 1))]).toEqual(["0%", "50%"]);
    expect([from(line(first, 0)), long(line(first, 0))]).toEqual(["50%", "25%"]);
    const whisker = line(first, 0).querySelector("u") as HTMLElement;
    expect([whisker.style.left, whisker.style.width]).toEqual(["68.75%", "12.5%"]);
    expect(first.querySelector(".xw-axis")?.textContent).toBe("−2.0002.00");
    expect(tables()[2].querySelector("u")?.hidden).toBe(true);
  });

  it("shares one scale, or looks at one sign alone, as the reader likes", async () => {
    const { model } = await shown();
    const set = (change: object) =>
      model.set("display", { ...DEFAULT_DISPLAY, clip: 100, ...change });
    set({ scaling: "shared" });
    await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("25%"));
    set({ sign: "positive" });
    await vi.waitFor(() => expect(long(line(tables()[1], 0))).toBe("100%"));
    expect(from(line(tables()[1], 0))).toBe("0%");
    set({ clip: 0 });
    await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("50%"));
  });

  it("has one hand for all its panels, each with its own value", async () => {
    await shown();
    const [input, first, held] = tables();
    point(line(first, 0).querySelector("i") as HTMLElement, "pointermove");
    expect([input, first].map(here)).toEqual([[0], [0]]);
    expect([first, held].map(read)).toEqual([
      `${NASTY} = own   1.00 ± 0.250`,
      `${NASTY} = other   0`,
    ]);
    point(first, "pointerleave");
    expect([input, first, held].flatMap(here)).toEqual([]);
  });

  it("goes from column to column by keyboard, in the order on screen, and says where it is", async () => {
    await shown();
    const [, first] = tables();
    press(first, "ArrowDown");
    press(first, "ArrowDown");
    expect(here(first)).toEqual([0]);
    expect(el.querySelector("[aria-live=polite].xw-hidden")?.textContent).toBe(
      `${NASTY} is own, 2 of 12: 1.00 ± 0.250`,
    );
    press(first, "ArrowUp");
    expect(here(first)).toEqual([1]);
    press(first, "End");
    expect(here(first)).toEqual([numbers(first)[11]]);
    press(first, "Escape");
    expect(here(first)).toEqual([]);
  });

  it("strikes out the columns that the mask slider takes away", async () => {
    const { model } = await shown();
    const masking = { on: true, turn: 1, share: 10, mode: "remove", fill: "mean" };
    model.set("masking_settings", { ...masking, strokes: [], spares: false });
    const gone = () =>
      lines(tables()[1]).flatMap((one) =>
        one.classList.contains("xw-gone") ? Number(one.dataset.at) : [],
      );
    await vi.waitFor(() => expect(gone()).toEqual([0]));
    expect(el.textContent).toContain("top 10 % removed");
    const labels = [...el.querySelectorAll("input[type=range]")].map((one) =>
      one.getAttribute("aria-label"),
    );
    expect(labels).toContain("Share of columns");
    expect(el.textContent).not.toContain("Brush");
  });

  it("underlines what is known to be true, and dims what is not among the largest", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, clip: 100, truth: true, keep: 7 });
    const having = (name: string) =>
      lines(tables()[1]).flatMap((one) =>
        one.classList.contains(name) ? Number(one.dataset.at) : [],
      );
    expect(having("xw-true")).toEqual([1]);
    await vi.waitFor(() => expect(having("xw-dim")).toContain(0));
    expect(having("xw-dim")).not.toContain(1);
  });

  it("is offered nothing that is for pixels or for colours alone", async () => {
    await shown();
    const labels = [...el.querySelectorAll("input[type=range]")].map((one) =>
      one.getAttribute("aria-label"),
    );
    expect(labels).toEqual(["Clip", "Keep top"]);
    const buttons = [...el.querySelectorAll("button")].map((one) => one.title || one.textContent);
    expect(buttons).not.toContain("Zoom in");
    expect(buttons).toContain("In order");
    expect(el.querySelector(".xw-film b")?.textContent).toBe("row 1");
  });

  it("leaves nothing behind", async () => {
    const { close } = await shown();
    close();
    expect(tables()).toEqual([]);
  });
});

describe("the order of bars", () => {
  it("is by size with either sign, equal ones as in the table", () => {
    expect(inOrder([0, -3, 2, 3, 0], true)).toEqual([1, 3, 2, 0, 4]);
    expect(inOrder([0, -3, 2], false)).toEqual([0, 1, 2]);
  });
});

describe("the place of a number on a track", () => {
  it("runs from the lower end to the upper, and stops there", () => {
    expect([-2, -1, 0, 1, 4].map((v) => at(v, 2, -1))).toEqual([0, 25, 50, 75, 100]);
    expect([-1, 0, 1].map((v) => at(v, 2, 0))).toEqual([0, 0, 50]);
    expect(at(0, 0, -1)).toBe(50);
  });
});
