/** The flow of relevance: rows that fold, the depth that rows and slider share, what is asked for. */

import { describe, expect, it } from "vitest";
import { depthsOf, lineOf, linesOf, takenBy } from "../src/flow/rows";
import widget from "../src/index";
import { createOfflineModel } from "../src/offline";
import type { Model } from "../src/requests";
import type { FlowRow } from "../src/wire";
import { el, heatmap, map, page } from "./page";

const row = (label: string, flowing: number, more: Partial<FlowRow> = {}): FlowRow => ({
  label,
  title: label,
  what: "convolution, z⁺",
  block: "",
  size: "8 × 4 × 4",
  entered: 2,
  flowing,
  takes: {},
  words: `${label} in words`,
  ...more,
});
/** A head, a block of three, and what is left. */
const ROWS = [
  row("output", 4),
  row("relu", 4, { block: "layer1", map }),
  row("conv2", 3, { block: "layer1", takes: { bias: 1 }, map }),
  row("conv1", 3.5, { block: "layer1", takes: { bias: -1, lost: 0.5 } }),
  row("input", 3.5, { map }),
];

describe("rows", () => {
  it("of a block stand behind its own line, when that is open", () => {
    const folded = linesOf(ROWS, []);
    expect(folded.map(({ from, to, block }) => [from, to, block])).toEqual([
      [0, 0, ""],
      [1, 3, "layer1"],
      [4, 4, ""],
    ]);
    expect(linesOf(ROWS, [1]).map(({ from, to }) => [from, to])).toEqual([
      [0, 0],
      [1, 3],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });

  it("are to be seen on their own line, or on that of their folded block", () => {
    expect(lineOf(linesOf(ROWS, []), 2)).toBe(1);
    expect(lineOf(linesOf(ROWS, [1]), 2)).toBe(3);
    expect(lineOf(linesOf(ROWS, []), 4)).toBe(2);
  });

  it("add up what each took, and know which have a map", () => {
    expect(takenBy(ROWS)).toEqual([
      ["bias", 0],
      ["lost", 0.5],
    ]);
    expect(depthsOf(ROWS)).toEqual([1, 2, 4]);
  });
});

const traits = (live: boolean, flow: object = {}) => ({
  ...page([{ flow: true }, { flow: false }], { live }),
  flow_00: flow,
});
const done = (rows = ROWS, note = "") => ({
  request: 1,
  status: "done",
  message: "",
  ways: [{ way: "", rows, note }],
});

function shown(state: Record<string, unknown>): [Model, string[]] {
  const model = createOfflineModel({ state });
  const asked: string[] = [];
  const { send } = model;
  model.send = (content) => {
    asked.push((content as { name: string }).name);
    if ((state.about as { live: boolean }).live) return;
    send(content);
  };
  widget.render({ model, el });
  return [model, asked];
}
const layer = () => el.querySelector('[aria-label^="Flow"].xw-popover') as HTMLElement;
function turn(newState: string): void {
  layer().dispatchEvent(Object.assign(new Event("toggle"), { newState }));
}
const lines = () => [...layer().querySelectorAll<HTMLElement>("[role=treeitem]")];
const chosen = () => lines().findIndex((line) => line.getAttribute("aria-selected") === "true");
const slider = () => layer().querySelector("input") as HTMLInputElement;
function slide(to: number): void {
  slider().value = `${to}`;
  slider().dispatchEvent(new Event("input", { bubbles: true }));
}
function key(name: string): void {
  const tree = layer().querySelector("[role=tree]");
  tree?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
}
const settled = () => new Promise((over) => setTimeout(over, 0));

describe("a flow", () => {
  it("is offered where the answer has one, and on a page without a kernel where it is held", () => {
    shown(traits(true));
    expect(el.querySelectorAll('button[aria-label^="Flow"]').length).toBe(1);
    el.replaceChildren();
    shown(traits(false));
    expect(el.querySelector('button[aria-label^="Flow"]')).toBeNull();
  });

  it("is asked for when it is opened, again for a newer map, and given up when closed", async () => {
    const [model, asked] = shown(traits(true));
    expect(asked).toEqual([]);
    turn("open");
    await settled();
    expect(asked).toEqual(["show_flow"]);
    expect(layer().textContent).toContain("Following the relevance");
    model.set("slot_00", heatmap(2));
    await settled();
    expect(asked).toEqual(["show_flow", "show_flow"]);
    turn("closed");
    await settled();
    expect(asked).toEqual(["show_flow", "show_flow", "stop_flow"]);
  });

  it("of an older map is not shown, and what went wrong is said", async () => {
    const [model] = shown(traits(true, { ...done(), request: 0 }));
    turn("open");
    await settled();
    expect(lines()).toEqual([]);
    model.set("flow_00", { request: 1, status: "error", message: "No rule.", ways: [] });
    expect(layer().textContent).toContain("No rule.");
    expect(layer().textContent).toContain("Retry");
  });

  it("links rows and slider, by mouse and by keyboard", async () => {
    shown(traits(false, done()));
    turn("open");
    await settled();
    expect(lines().length).toBe(3);
    expect(chosen()).toBe(1); // the first depth lies in the folded block
    slide(2);
    expect(chosen()).toBe(2);
    lines()[1].click();
    expect(slider().value).toBe("0");
    expect(lines().length).toBe(6);
    lines()[3].click();
    expect(slider().value).toBe("1");
    expect(slider().getAttribute("aria-valuetext")).toBe("conv2");
    key("ArrowDown");
    expect(chosen()).toBe(4);
    expect(layer().textContent).toContain("no map here");
    expect(slider().value).toBe("1");
    expect(el.querySelector("[aria-live]")?.textContent).toBe("conv1 in words");
    key("ArrowLeft");
    expect(lines().length).toBe(3);
    expect(chosen()).toBe(1);
    key("ArrowRight");
    expect(lines().length).toBe(6);
    key("ArrowUp");
    expect(chosen()).toBe(3);
    key("ArrowUp");
    expect(chosen()).toBe(2);
    key("ArrowUp"); // past the open block's own line, which stands for the same row
    expect(chosen()).toBe(0);
    key("ArrowUp");
    expect(chosen()).toBe(0);
    key("ArrowDown");
    expect(chosen()).toBe(2);
  });

  it("draws what is on its way, and who took or gave some of it", async () => {
    shown(traits(false, done(ROWS, "Maps of 3 of 9 depths are kept here.")));
    turn("open");
    await settled();
    lines()[1].click();
    const bars = (i: number) =>
      [...lines()[i].querySelectorAll<HTMLElement>(".xw-rail i")].map((bar) => [
        bar.className.trim(),
        bar.style.left,
        bar.style.width,
      ]);
    expect(bars(3)).toEqual([
      ["xw-is", "0%", "75%"],
      ["xw-tick", "100%", "0%"],
      ["xw-by-bias", "75%", "25%"],
    ]);
    expect(bars(4).slice(2)).toEqual([
      ["xw-by-bias xw-given", "62.5%", "25%"],
      ["xw-by-lost", "62.5%", "12.5%"],
    ]);
    const text = layer().textContent;
    for (const said of ["dead ends took0.500", "reached the input3.50", "Maps of 3 of 9 depths"])
      expect(text).toContain(said);
  });

  it("without any map has its rows alone", async () => {
    shown(traits(false, done(ROWS.map(({ map, ...rest }) => rest))));
    turn("open");
    await settled();
    expect(slider()).toBeNull();
    lines()[2].click();
    expect(chosen()).toBe(2);
    expect(layer().textContent).toContain("no map here");
  });

  it("shows every way of a method that goes down the network twice", async () => {
    const [first] = done().ways;
    const ways = [
      { ...first, way: "this class" },
      { ...first, way: "its opposite", rows: [ROWS[0], ROWS[4]] },
    ];
    shown(traits(false, { ...done(), ways }));
    turn("open");
    await settled();
    const [, second] = layer().querySelectorAll<HTMLElement>("fieldset button");
    second.click();
    expect(lines().length).toBe(2);
  });
});
