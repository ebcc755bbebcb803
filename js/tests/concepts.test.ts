/** Concepts: the lasso, the scale of scores, their words, the order of pictures, the ink of maps. */

import { describe, expect, it } from "vitest";
import { ink, limitOf } from "../src/concepts/ink";
import { caught, holds, pathOf } from "../src/concepts/lasso";
import { beside, chance, ends, place, sorted, spelt, told } from "../src/concepts/scores";
import type { ConceptCell, ConceptGrid, ConceptMeasure, Array as WireArray } from "../src/wire";

const none: WireArray = {
  data: new DataView(new ArrayBuffer(0)),
  dtype: "uint8",
  shape: [0],
  scale: 1,
};
const measure = (value: number, more: Partial<ConceptMeasure> = {}): ConceptMeasure => ({
  value,
  low: value - 0.1,
  high: value + 0.1,
  random: [-0.3, 0.2],
  random_low: -0.5,
  random_high: 0.4,
  p: 0.0004,
  significant: true,
  ...more,
});
const cell = (more: Partial<ConceptCell> = {}): ConceptCell => ({
  concept: "stripes",
  layer: "conv4",
  refusal: "",
  accuracy: 0.97,
  agreement: 0.9,
  published_p: 0.01,
  magnitude: measure(-1.25),
  score: measure(0.1),
  likeness: none,
  along: none,
  slopes: none,
  ...more,
});
const grid = (...cells: ConceptCell[]): ConceptGrid => ({
  target: "zebra",
  asked: 40,
  cells,
  facts: [],
  warnings: [],
  seconds: 1,
  forwards: 1,
  backwards: 1,
});

describe("a lasso", () => {
  const horseshoe = [
    { x: 0, y: 0 },
    { x: 30, y: 0 },
    { x: 30, y: 30 },
    { x: 20, y: 30 },
    { x: 20, y: 10 },
    { x: 10, y: 10 },
    { x: 10, y: 30 },
    { x: 0, y: 30 },
  ];
  it("holds what it goes around, and not what lies in its bay", () => {
    expect(holds(horseshoe, { x: 5, y: 25 })).toBe(true);
    expect(holds(horseshoe, { x: 15, y: 5 })).toBe(true);
    expect(holds(horseshoe, { x: 15, y: 25 })).toBe(false);
    expect(holds(horseshoe, { x: 40, y: 5 })).toBe(false);
    expect(holds([], { x: 0, y: 0 })).toBe(false);
  });
  it("catches boxes by their middle", () => {
    const boxes = [
      { left: 0, top: 20, width: 8, height: 8 },
      { left: 12, top: 20, width: 6, height: 6 },
      { left: 24, top: 24, width: 20, height: 4 },
      { left: 21, top: 0, width: 8, height: 8 },
    ];
    expect(caught(horseshoe, boxes)).toEqual([0, 3]);
  });
  it("is drawn as a path that closes", () => {
    expect(
      pathOf([
        { x: 1, y: 2 },
        { x: 3.1234, y: 4 },
      ]),
    ).toBe("M1.0 2.0L3.1 4.0z");
    expect(pathOf([])).toBe("");
  });
});

describe("the scale of a layer", () => {
  it("is 0 to 1 for shares, and reaches as far as anything on it for magnitudes", () => {
    expect(ends([cell()], "score")).toEqual([0, 1]);
    expect(ends([cell()], "magnitude")).toEqual([-1.35, 1.35]);
    expect(ends([cell({ refusal: "no" })], "magnitude")).toEqual([-0.5, 0.5]);
    expect(ends([], "magnitude")).toEqual([-1, 1]);
  });
  it("has a place for each value and none outside", () => {
    expect(place(0, [-2, 2])).toBe(50);
    expect(place(1, [-2, 2])).toBe(75);
    expect(place(9, [-2, 2])).toBe(100);
  });
});

describe("a score in words", () => {
  it("says what was measured, its interval, chance, and how well the concept is known", () => {
    const words = told(cell(), "magnitude", grid(cell(), cell()));
    expect(words).toContain("stripes at conv4: the score of zebra falls by 1.25");
    expect(words).toContain("(−1.35 to −1.15)");
    expect(words).toContain("random sets lie between −0.500 and +0.400");
    expect(words).toContain("more than chance among 2 questions (p = 0.00040)");
    expect(words).toContain("97 % of held-out examples");
  });
  it("says how many for shares", () => {
    const low = cell({ score: measure(0.1, { significant: false, p: 0.2 }) });
    const words = told(low, "score", grid(low));
    expect(words).toContain("10 % of 40 pictures score higher for zebra");
    expect(words).toContain("no more than chance among 1 questions (p = 0.20)");
  });
  it("says why there is none", () => {
    const refused = cell({ refusal: "told apart in 52% of held-out examples" });
    expect(told(refused, "score", grid(refused))).toBe(
      "stripes at conv4: no score, told apart in 52% of held-out examples.",
    );
  });
  it("spells numbers with their sign, and small chances as bounds", () => {
    expect(spelt(0.5, "magnitude")).toBe("+0.500");
    expect(spelt(-0.5, "magnitude")).toBe("−0.500");
    expect(spelt(0.5, "score")).toBe("50 %");
    expect(chance(1e-9)).toBe("p < 0.0001");
    expect(chance(null)).toBe("no p");
  });
});

describe("the order of pictures", () => {
  it("goes from the largest value down, and those without one come last", () => {
    expect(sorted([0.1, Number.NaN, 0.9, -2, 0.1], 5)).toEqual([2, 0, 4, 3, 1]);
    expect(sorted(null, 3)).toEqual([0, 1, 2]);
  });
});

describe("arrow keys in the grid", () => {
  const [rows, columns] = [
    ["a", "b"],
    ["x", "y"],
  ];
  it("go to the neighbour and stop at the edge", () => {
    expect(beside(rows, columns, { concept: "a", layer: "x" }, "ArrowDown")).toEqual({
      concept: "b",
      layer: "x",
    });
    expect(beside(rows, columns, { concept: "b", layer: "x" }, "ArrowRight")).toEqual({
      concept: "b",
      layer: "y",
    });
    expect(beside(rows, columns, { concept: "b", layer: "y" }, "ArrowDown")).toEqual({
      concept: "b",
      layer: "y",
    });
    expect(beside(rows, columns, { concept: "b", layer: "y" }, "Enter").concept).toBe("b");
  });
});

describe("the ink of a map", () => {
  const table = Uint32Array.from({ length: 256 }, (_, i) => 0xff000000 | i);
  it("covers by size and is coloured by sign", () => {
    const out = ink(Float32Array.of(9, 1, -0.5, 0, 4), 1, 4, 1, table);
    expect([...out].map((colour) => colour >>> 24)).toEqual([255, 128, 0, 255]);
    expect([...out].map((colour) => colour & 0xff)).toEqual([231, 24, 231, 231]);
  });
  it("covers nothing where there is nothing", () => {
    expect([...ink(new Float32Array(2), 0, 2, 0, table)].map((colour) => colour >>> 24)).toEqual([
      0, 0,
    ]);
  });
  it("has a limit that a few large values do not set", () => {
    const values = Float32Array.from({ length: 200 }, (_, i) => (i === 7 ? 1000 : i / 200));
    expect(limitOf(values)).toBeLessThan(1.01);
    expect(limitOf(new Float32Array(4))).toBe(0);
  });
});
