/** The widget on texts: running words, one hand for all panels, and nothing that is for pixels alone. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cover } from "../src/compare/tokens";
import widget from "../src/index";
import type { Model } from "../src/requests";
import { DEFAULT_DISPLAY, type Token } from "../src/wire";

const token = (piece: string, gap = " ", name = piece, special = false): Token => ({
  name,
  piece,
  gap,
  special,
});
const NASTY = "<img src=x onerror=alert(1)>";
const WORDS = [
  token("[CLS]", "", "[CLS]", true),
  token("play", ""),
  token("ing", "", "##ing"),
  token(NASTY),
  token("film", "\n"),
  token("", "", "Ã"),
];
const OTHER = [token("short", ""), token("text")];

const row = (...values: number[]) => ({
  data: new DataView(Float32Array.from(values).buffer),
  dtype: "float32",
  shape: [1, values.length],
  scale: 1,
});
const answer = (tokens: Token[], input: number, ...values: number[]) => ({
  kind: "heatmap",
  request: 1,
  target: "praise",
  input,
  tokens,
  map: row(...values),
  low: 0,
  high: 1,
  total: 1,
  seconds: 0.1,
  forwards: 1,
  backwards: 1,
  facts: [],
  warnings: [],
});
const panel = (slot: number) => ({
  id: `p${slot}`,
  slot,
  title: `Method ${slot}`,
  method: "M",
  blurb: "",
  pinned: slot === 2,
  settings: {},
  knobs: [],
  flow: false,
});
const done = { status: "done", request: 1, progress: 1, message: "" };

function traits(): Record<string, unknown> {
  const colours = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  return {
    _kind: "compare",
    about: {
      version: "0",
      title: "Reader",
      kind: "text",
      live: true,
      classes: ["praise"],
      methods: [],
      layers: [],
      colour_maps: [{ name: "RdBu_r", diverging: true, data: new DataView(colours.buffer) }],
      fills: [],
      questions: [],
    },
    strip: [
      { name: "playing film", thumb: null, truth: null, predicted: "praise", right: null },
      { name: "short text", thumb: null, truth: null, predicted: "praise", right: null },
    ],
    scene: {
      index: 0,
      name: "playing film",
      picture: null,
      tokens: WORDS,
      predictions: [{ index: 0, name: "praise", probability: 0.9, logit: 2 }],
      truth: null,
      masks: [{ name: "reason", mask: { ...row(0, 1, 1, 0, 0, 0), shape: [1, 6] } }],
      note: "",
    },
    target: { label: "praise", indices: [0] },
    panels: [panel(0), panel(1), panel(2)],
    status: { p0: done, p1: done, p2: done },
    slot_00: answer(WORDS, 0, 0, 1, -0.5, 0.25, 0, 0),
    slot_01: answer(WORDS, 0, 0, 3, 1, 0, 0, 0),
    slot_02: answer(OTHER, 1, 7, 8),
    region: {},
    display: { ...DEFAULT_DISPLAY },
    notice: { message: "" },
  };
}

interface Sent {
  name: string;
  args: Record<string, unknown>;
}
function host() {
  const state = traits();
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

let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());

const texts = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".xw-text")];
const spans = (text: HTMLElement): HTMLElement[] => [
  ...text.querySelectorAll<HTMLElement>(".xw-token"),
];
const here = (text: HTMLElement): number =>
  spans(text).findIndex((span) => span.classList.contains("xw-here"));
const read = (text: HTMLElement): string => text.querySelector(".xw-read")?.textContent ?? "";
const point = (target: HTMLElement, type: string) =>
  target.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0, pointerType: "mouse" }));
const press = (target: HTMLElement, key: string, shiftKey = false) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));

async function shown() {
  const made = host();
  const close = widget.render({ model: made.model, el });
  await vi.waitFor(() => expect(texts().length).toBe(4));
  return { ...made, close };
}

describe("a text", () => {
  it("runs as it was written, and never as HTML", async () => {
    await shown();
    for (const text of texts().slice(0, 3)) {
      expect(text.querySelector("p")?.textContent).toBe(`[CLS]playing ${NASTY}\nfilm·`);
    }
    expect(el.querySelector("img")).toBeNull();
    expect(spans(texts()[0])[2].title).toBe("##ing");
  });

  it("has one hand for all its panels, each with its own value", async () => {
    await shown();
    const [input, first, second, held] = texts();
    point(spans(first)[1], "pointermove");
    expect([input, first, second].map(here)).toEqual([1, 1, 1]);
    expect([first, second].map(read)).toEqual(["play  1.00", "play  3.00"]);
    expect([here(held), read(held)]).toEqual([-1, ""]);
    point(first, "pointerleave");
    expect([input, first, second].map(here)).toEqual([-1, -1, -1]);
  });

  it("leaves an answer that is held for another text a hand of its own", async () => {
    await shown();
    const [input, first, , held] = texts();
    expect(held.querySelector("p")?.textContent).toBe("short text");
    point(spans(held)[1], "pointermove");
    expect(read(held)).toBe("text  8.00");
    expect([here(input), here(first)]).toEqual([-1, -1]);
  });

  it("goes from token to token by keyboard and says where it is", async () => {
    await shown();
    const [, first] = texts();
    press(first, "ArrowRight");
    press(first, "ArrowRight");
    expect(here(first)).toBe(1);
    expect(el.querySelector("[aria-live=polite].xw-hidden")?.textContent).toBe(
      "token 2 of 6, play: 1.00",
    );
    press(first, "ArrowRight", true);
    expect(here(first)).toBe(5);
    press(first, "Escape");
    expect(here(first)).toBe(-1);
  });

  it("gives a range that is dragged its share of the relevance", async () => {
    const { sent } = await shown();
    const [input, first] = texts();
    point(spans(first)[1], "pointerdown");
    point(spans(first)[2], "pointermove");
    point(spans(first)[2], "pointerup");
    const asked = sent.find(({ name }) => name === "set_region");
    expect(asked?.args.region).toEqual({ x0: 1, y0: 0, x1: 3, y1: 1 });
    expect(spans(input).map((span) => span.classList.contains("xw-in"))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    const panels = [...el.querySelectorAll(".xw-panel")].map((one) => one.textContent ?? "");
    expect(panels[0]).toContain("86 % inside the range"); // 1.5 of 1.75
    expect(panels[1]).toContain("100 % inside the range");
    expect(panels[2]).not.toContain("inside");
    expect(el.textContent).toContain("tokens 2 to 3");
  });

  it("gives a range by keyboard too", async () => {
    const { sent } = await shown();
    const [input] = texts();
    press(input, "ArrowRight");
    press(input, "r");
    press(input, "ArrowRight");
    press(input, "r");
    const asked = sent.find(({ name }) => name === "set_region");
    expect(asked?.args.region).toEqual({ x0: 0, y0: 0, x1: 2, y1: 1 });
  });

  it("is coloured by the painter's numbers, and white where there is no relevance", async () => {
    const { model } = await shown();
    const [, first] = texts();
    const shares = () => spans(first).map((one) => one.style.getPropertyValue("--xw-ink-at"));
    await vi.waitFor(() => expect(shares()[1]).not.toBe("0.0%"));
    expect(shares()[0]).toBe("0.0%");
    expect(spans(first)[1].style.getPropertyValue("--xw-of")).toBe("rgb(255 255 255)");
    const before = shares();
    model.set("display", { ...DEFAULT_DISPLAY, opacity: 0.4 });
    await vi.waitFor(() => expect(Number.parseFloat(shares()[1])).toBeCloseTo(40, 0));
    expect(before[1]).toBe("85.0%");
    model.set("display", { ...DEFAULT_DISPLAY, keep: 1 });
    await vi.waitFor(() => expect(shares()[2]).toBe("0.0%"));
  });

  it("underlines what is known to be true", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, truth: true });
    const marked = texts().map((text) =>
      spans(text).map((one) => Number(one.classList.contains("xw-true"))),
    );
    expect(marked[1]).toEqual([0, 1, 1, 0, 0, 0]);
    expect(marked[3]).toEqual([0, 0]);
  });

  it("is offered nothing that is for pixels alone", async () => {
    await shown();
    const labels = [...el.querySelectorAll("input[type=range]")].map((one) =>
      one.getAttribute("aria-label"),
    );
    expect(labels).toEqual(["Clip", "Opacity", "Keep top"]);
    const buttons = [...el.querySelectorAll("button")].map((one) => one.title || one.textContent);
    expect(buttons).not.toContain("Zoom in");
    expect(el.textContent).not.toContain("Masking");
    expect([...el.querySelectorAll(".xw-film q")].map((one) => one.textContent)).toEqual([
      "playing film",
      "short text",
    ]);
  });

  it("leaves nothing behind", async () => {
    const { close } = await shown();
    close();
    expect(texts()).toEqual([]);
    expect(() => window.dispatchEvent(new PointerEvent("pointerup"))).not.toThrow();
  });
});

describe("how much of the paper a token's colour covers", () => {
  it("grows with the root of its share of the limit, and stops there", () => {
    expect([0, 0.25, -0.25, 1, 4].map((v) => cover(v, 1))).toEqual([0, 0.5, 0.5, 1, 1]);
    expect(cover(1, 0)).toBe(0);
  });
});
