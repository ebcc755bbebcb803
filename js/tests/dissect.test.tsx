/** Units without a kernel: arithmetic, and the page that shows them. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { above, fits, raised, spotlit } from "../src/dissect/units";
import widget from "../src/inside";
import { createOfflineModel } from "../src/inside-offline";
import type { UnitSheet, Array as WireArray } from "../src/wire";

describe("a map raised to a picture's size", () => {
  it("is bilinear between the centres of equal parts and flat outside them", () => {
    const out = raised(Float32Array.of(0, 4), [1, 2], [1, 8]);
    expect([...out]).toEqual([0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]);
  });
  it("keeps what has the size already", () => {
    const map = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect([...raised(map, [2, 3], [2, 3])]).toEqual([...map]);
  });
});

describe("masks", () => {
  it("hold where values are above the level, and not at it", () => {
    expect([...above(Float32Array.of(1, 2, 3), 2)]).toEqual([0, 0, 1]);
  });
  it("leave light where they hold and take it elsewhere", () => {
    const lit = spotlit(Uint32Array.of(0xff0a141e, 0xff0a141e), Uint8Array.of(1, 0), 0.5);
    expect([...lit]).toEqual([0xff0a141e, 0xff050a0f]);
  });
});

describe("a search", () => {
  it("takes a number for the unit's own and words for parts of its text", () => {
    expect(fits("12", 12, "red")).toBe(true);
    expect(fits("12", 112, "12")).toBe(false);
    expect(fits("colour RED", 3, "colour:red")).toBe(true);
    expect(fits("colour blue", 3, "colour:red")).toBe(false);
    expect(fits("", 3, "")).toBe(true);
  });
});

const numbers = (values: number[], ...shape: number[]): WireArray => ({
  data: new DataView(Float32Array.from(values).buffer),
  dtype: "float32",
  shape,
  scale: 1,
});
const steps = (values: number[], ...shape: number[]): WireArray => ({
  data: new DataView(Uint8Array.from(values).buffer),
  dtype: "uint8",
  shape,
  scale: 1,
});
const row = (n: number, make: (i: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => make(i));

function sheet(layer: string, units: number): UnitSheet {
  return {
    layer,
    units,
    values: numbers(
      row(units, (i) => i),
      units,
      1,
    ),
    pictures: numbers(
      row(units, () => 0),
      units,
      1,
    ),
    peaks: numbers(
      row(units, () => 3),
      units,
      1,
    ),
    maps: steps(
      row(units * 4, (i) => (i % 4) * 85),
      units,
      1,
      2,
      2,
    ),
    low: numbers(
      row(units, () => 0),
      units,
    ),
    high: numbers(
      row(units, () => 1),
      units,
    ),
    level: numbers(
      row(units, () => 0.5),
      units,
    ),
    rows: numbers([0, 2, 2, 4], 2, 2),
    columns: numbers([0, 2, 2, 4], 2, 2),
    bars: numbers(
      row(units * 2, () => 3),
      units,
      2,
    ),
    active: numbers(
      row(units, (i) => ((i * 7) % units) / units),
      units,
    ),
    silent: steps(
      row(units, (i) => (i === 2 ? 1 : 0)),
      units,
    ),
    places: numbers(
      row(units * 2, () => 0),
      units,
      2,
    ),
    near: numbers(
      row(units, (i) => (i + 1) % units),
      units,
      1,
    ),
    alike: numbers(
      row(units, () => 0.5),
      units,
      1,
    ),
  };
}

function page() {
  const model = createOfflineModel({
    state: {
      _kind: "dissect",
      about: {
        version: "0",
        title: "<b>net</b>",
        live: false,
        size: [4, 4],
        count: 9,
        concepts: [],
        iou: 0,
      },
      status: { status: "done", progress: 1, message: "" },
      sheets: [sheet("conv1", 12), sheet("conv2", 40)],
      pictures: steps(
        row(48, (i) => i),
        1,
        4,
        4,
        3,
      ),
    },
  });
  widget.render({ model, el });
}

let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());

const settled = () => new Promise((r) => setTimeout(r, 0));
const cards = () => [...el.querySelectorAll<HTMLElement>(".xw-unit")];

describe("the page of units", () => {
  it("shows names as text, a card a unit, and the chosen unit in detail", async () => {
    page();
    await settled();
    expect(el.querySelector("b > b")).toBeNull();
    expect(el.querySelector("h2")?.textContent).toBe("<b>net</b>");
    expect(cards().length).toBe(12);
    expect(cards()[2].textContent).toContain("silent");
    cards()[5].click();
    await settled();
    expect(el.querySelector(".xw-detail h3")?.textContent).toBe("Unit 5 of conv1");
    expect(cards()[5].getAttribute("aria-selected")).toBe("true");
  });

  it("finds a unit by its number and says when there is none", async () => {
    page();
    await settled();
    const search = el.querySelector<HTMLInputElement>("input[type=search]") as HTMLInputElement;
    const type = async (text: string) => {
      search.value = text;
      search.dispatchEvent(new Event("input", { bubbles: true }));
      await settled();
    };
    await type("7");
    expect(cards().map((card) => card.querySelector("b")?.textContent)).toEqual(["7"]);
    await type("99");
    expect(cards()).toEqual([]);
    expect(el.textContent).toContain("No unit fits this search.");
  });

  it("lists by activity, and goes from unit to unit by arrow keys in that order", async () => {
    page();
    await settled();
    const order = el.querySelector<HTMLSelectElement>("[aria-label=Order]") as HTMLSelectElement;
    order.value = "active";
    order.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    const names = cards().map((card) => Number(card.querySelector("b")?.textContent));
    const active = (i: number) => (i * 7) % 12;
    expect(names).toEqual([...names].sort((a, b) => active(b) - active(a)));
    cards()[0].click();
    const box = el.querySelector(".xw-units") as HTMLElement;
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await settled();
    expect(el.querySelector(".xw-detail h3")?.textContent).toBe(`Unit ${names[1]} of conv1`);
    expect(box.getAttribute("aria-activedescendant")).toBe(cards()[1].id);
  });

  it("changes the layer", async () => {
    page();
    await settled();
    const layer = el.querySelector("[aria-label=Layer]") as HTMLSelectElement;
    layer.value = "1";
    layer.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    expect(el.textContent).toContain("40 of 40 units");
    expect(el.querySelector(".xw-units")?.getAttribute("aria-label")).toBe("Units of conv2");
  });
});
