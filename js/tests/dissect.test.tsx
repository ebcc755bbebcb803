/** Units without a kernel: arithmetic, and the page that shows them. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { count, labelsOf, ranking, unpacked } from "../src/dissect/detectors";
import { cornerOf } from "../src/dissect/tiles";
import { above, fits, raised, shaded } from "../src/dissect/units";
import widget from "../src/inside";
import { createOfflineModel } from "../src/inside-offline";
import type { ConceptCard, UnitConcepts, UnitSheet, Array as WireArray } from "../src/wire";
import { parcel } from "./parcel";

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
    expect([...shaded(Uint8Array.of(1, 0), 0.6)]).toEqual([0, 0x66000000]);
  });
});

describe("a sheet of pictures", () => {
  it("has room for whole blocks, row by row", () => {
    const sheet = { jpeg: new DataView(new ArrayBuffer(0)), columns: 3, size: [20, 9] };
    expect(cornerOf(sheet, 0)).toEqual([0, 0]);
    expect(cornerOf(sheet, 5)).toEqual([32, 24]);
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

describe("detectors", () => {
  // three units × three concepts: a clear one, a tie that goes to the first, one that meets nothing
  const ious = Float32Array.of(0.02, 0.3, 0.1, 0.2, 0.05, 0.2, 0, 0, 0);
  const labels = labelsOf(ious, 3);
  it("are labelled by their best concept", () => {
    expect([...labels.concept]).toEqual([1, 0, -1]);
    expect([...labels.iou]).toEqual([Math.fround(0.3), Math.fround(0.2), 0]);
  });
  it("are counted from the limit on, their concepts once each and by category", () => {
    expect(count(labels, 0.2, [0, 0, 1])).toEqual({ detectors: 2, unique: 2, byCategory: [2, 0] });
    expect(count(labels, 0.25, [0, 1, 1])).toEqual({ detectors: 1, unique: 1, byCategory: [0, 1] });
    expect(count(labels, 0.4, [0, 0, 1]).detectors).toBe(0);
    expect(count(labels, 0, [0, 0, 1]).detectors).toBe(2);
    const twice = labelsOf(Float32Array.of(0.5, 0.1, 0.4, 0.1), 2);
    expect(count(twice, 0.2, [0, 0])).toEqual({ detectors: 2, unique: 1, byCategory: [1] });
  });
  it("are counted as a plain loop over everything counts them, for any limit", () => {
    const table = Float32Array.from({ length: 200 * 30 }, (_, i) => 0.3 * ((i * 7919) % 997) ** 4);
    for (let i = 0; i < table.length; i++) table[i] /= 997 ** 4;
    const categories = Array.from({ length: 30 }, (_, c) => c % 4);
    for (const limit of [0.01, 0.04, 0.1, 0.25]) {
      const seen = new Set<number>();
      let detectors = 0;
      for (let unit = 0; unit < 200; unit++) {
        const own = [...table.subarray(30 * unit, 30 * unit + 30)];
        const best = Math.max(...own);
        if (best < limit) continue;
        detectors++;
        seen.add(own.indexOf(best));
      }
      const byCategory = [0, 1, 2, 3].map((kind) => [...seen].filter((c) => c % 4 === kind).length);
      expect(count(labelsOf(table, 30), limit, categories)).toEqual({
        detectors,
        unique: seen.size,
        byCategory,
      });
    }
  });
  it("rank their concepts", () => {
    expect(ranking(ious, 3, 1)).toEqual([0, 2, 1]);
  });
  it("have masks whose highest bit comes first", () => {
    expect([...unpacked(Uint8Array.of(0b10100000, 0b01000000), 10)]).toEqual([
      1, 0, 1, 0, 0, 0, 0, 0, 0, 1,
    ]);
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

/** Unit i meets concept i mod 3 by (i + 1) ÷ 100, and the others less. */
const met = (units: number, concepts: number): UnitConcepts => ({
  ious: numbers(
    row(units * concepts, (k) => {
      const unit = Math.floor(k / concepts);
      return k % concepts === unit % concepts ? (unit + 1) / 100 : 0.001;
    }),
    units,
    concepts,
  ),
  level: flat(units, 0.5),
  bounds: flat(units * concepts, 1),
  chances: flat(units * concepts, 0.01),
  // two shufflings, of which every other unit is as good as one
  draws: numbers(
    row(2 * units, (i) => (i < units && i % 2 ? 0.9 : 0.002)),
    2,
    units,
  ),
  p: numbers(
    row(units, (i) => (i % 2 ? 2 / 3 : 1 / 3)),
    units,
  ),
  // along two sets of axes all units meet the first concept, by 0.2 and by 0.06
  turned: numbers(
    row(2 * units, (i) => (i < units ? 0.2 : 0.06)),
    2,
    units,
  ),
  turned_concepts: numbers(
    row(2 * units, () => 0),
    2,
    units,
  ),
  spread: 0.1,
});
const flat = (count: number, value: number): WireArray =>
  numbers(
    row(count, () => value),
    count,
  );

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

const CARDS = [
  { name: "colour:red", category: "colour" },
  { name: "colour:blue", category: "colour" },
  { name: "shape:<i>disc</i>", category: "shape" },
];

/** The page, once what it holds is open. */
async function page(concepts: ConceptCard[] = []) {
  const model = createOfflineModel({
    state: {
      _kind: "dissect",
      about: {
        version: "0",
        title: "<b>net</b>",
        live: false,
        size: [4, 4],
        count: 9,
        concepts,
        iou: 0.1,
        draws: false,
        linked: false,
        quantile: concepts.length ? 0.005 : 0,
        recounts: concepts.length > 0,
        facts: ["Measured."],
        warnings: [],
      },
      status: { status: "done", progress: 1, message: "" },
      sheets: await parcel([sheet("conv1", 12), sheet("conv2", 40)]),
      found: await parcel(
        concepts.length ? [met(12, concepts.length), met(40, concepts.length)] : [],
      ),
      masks: await parcel({}),
      pictures: { jpeg: new DataView(new ArrayBuffer(1)), columns: 1, size: [4, 4] },
    },
  });
  widget.render({ model, el });
  const open = concepts.length ? ".xw-met button" : ".xw-unit";
  await vi.waitFor(() => expect(el.querySelector(open)).not.toBeNull());
}

let el: HTMLElement;
beforeEach(() => {
  vi.stubGlobal("createImageBitmap", async () => ({})); // no pictures are decoded here
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  el.remove();
  vi.unstubAllGlobals();
});

const settled = () => new Promise((r) => setTimeout(r, 0));
const cards = () => [...el.querySelectorAll<HTMLElement>(".xw-unit")];

describe("the page of units", () => {
  it("shows names as text, a card a unit, and the chosen unit in detail", async () => {
    await page();
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
    await page();
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
    await page();
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

  it("goes through the units by arrow keys in the plane too", async () => {
    await page();
    [...el.querySelectorAll("button")].find((b) => b.textContent === "Likeness")?.click();
    await settled();
    const plane = el.querySelector(".xw-plane") as HTMLElement;
    expect(plane.querySelectorAll("button").length).toBe(11); // one is silent
    plane.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    await settled();
    expect(el.querySelector(".xw-detail h3")?.textContent).toBe("Unit 1 of conv1");
    plane.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await settled();
    expect(plane.querySelector("[aria-selected=true]")?.getAttribute("aria-label")).toBe("Unit 11");
  });

  it("changes the layer", async () => {
    await page();
    const layer = el.querySelector("[aria-label=Layer]") as HTMLSelectElement;
    layer.value = "1";
    layer.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    expect(el.textContent).toContain("40 of 40 units");
    expect(el.querySelector(".xw-units")?.getAttribute("aria-label")).toBe("Units of conv2");
  });

  it("recounts detectors when the limit moves, and lists those of a category", async () => {
    await page(CARDS);
    const said = () => el.querySelector(".xw-counted [role=status]")?.textContent;
    expect(said()).toContain("3 of 12 units of conv1 are detectors (25 %), of 3 concepts");
    expect(el.querySelector("i > i, b > i")).toBeNull();
    const slider = el.querySelector(".xw-counted input") as HTMLInputElement;
    slider.value = "0.05";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settled();
    expect(said()).toContain("8 of 12 units of conv1");
    const layers = [...el.querySelectorAll(".xw-layers button")].map((one) =>
      one.getAttribute("aria-label"),
    );
    expect(layers[1]).toBe("conv2: 36 of 40 units detect 3 concepts");
    const kind = el.querySelector("[aria-label='Show units']") as HTMLSelectElement;
    kind.value = "shape";
    kind.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    const names = cards().map((card) => Number(card.querySelector("b")?.textContent));
    expect(names).toEqual([5, 8, 11]);
    expect(cards()[0].textContent).toContain("<i>disc</i> 0.06");
  });

  it("says what random axes detect from the same limit on, with an interval", async () => {
    await page(CARDS);
    const said = () => el.querySelector(".xw-counted")?.textContent;
    // of two shares, 1 and 0, the deviation is √½: 0.5 ± 0.1 × 0.707
    expect(said()).toContain("along random axes 50 % (43 % to 57 %), of 0.5 concepts");
    const slider = el.querySelector(".xw-counted input") as HTMLInputElement;
    slider.value = "0.05";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settled();
    expect(said()).toContain("along random axes 100 %, of 1.0 concepts");
  });

  it("shows how often some concept is as good in other pictures", async () => {
    await page(CARDS);
    const row = () => el.querySelector(".xw-null");
    expect(row()?.textContent).toContain("p 0.33");
    expect(row()?.querySelectorAll(".xw-tick").length).toBe(2);
    cards()[1].click();
    await settled();
    expect(row()?.textContent).toContain("p 0.67");
    const kind = el.querySelector("[aria-label='Show units']") as HTMLSelectElement;
    kind.value = "sure";
    kind.dispatchEvent(new Event("change", { bubbles: true }));
    await settled();
    expect(cards()).toEqual([]);
  });

  it("counts with another share of activations only where somebody can be asked", async () => {
    await page(CARDS);
    const share = el.querySelector(".xw-active select") as HTMLSelectElement;
    expect(share.value).toBe("0.005");
    expect(share.disabled).toBe(true);
    expect(share.title).toContain("asks Python");
  });

  it("finds units by their concept, and shows another concept of a unit", async () => {
    await page(CARDS);
    const search = el.querySelector("input[type=search]") as HTMLInputElement;
    search.value = "blue";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await settled();
    expect(cards().map((card) => card.querySelector("b")?.textContent)).toEqual([
      "1",
      "4",
      "7",
      "10",
    ]);
    cards()[1].click();
    await settled();
    const concepts = () => [...el.querySelectorAll<HTMLElement>(".xw-met button")];
    expect(concepts()[0].textContent).toContain("blue");
    expect(concepts()[0].getAttribute("aria-pressed")).toBe("true");
    concepts()[1].click();
    await settled();
    expect(concepts()[1].getAttribute("aria-pressed")).toBe("true");
    expect(el.querySelector(".xw-key")?.textContent).toContain("red");
  });

  it("says what needs a kernel where units would be switched off", async () => {
    await page(CARDS);
    const off = el.querySelector(".xw-detail .xw-toggle") as HTMLButtonElement;
    expect(off.disabled).toBe(true);
    expect(off.title).toContain("needs a kernel");
  });
});
