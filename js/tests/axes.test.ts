/** The plane of pictures: axes, scales, places, and the way from picture to picture. */

import { describe, expect, it } from "vitest";
import {
  axesOf,
  axisOf,
  keyOf,
  nameOf,
  onwards,
  placed,
  scaleOf,
  titleOf,
  usual,
} from "../src/concepts/axes";
import type { ConceptCell, ConceptGrid, ConceptsAbout } from "../src/wire";

const cell = (concept: string, layer: string, refusal = "") =>
  ({ concept, layer, refusal }) as ConceptCell;

describe("the axes of the plane", () => {
  const cells = [cell("a", "x"), cell("a", "y"), cell("b", "x"), cell("b", "y")];
  it("begin with the chosen concept and another at its layer", () => {
    expect(usual(cells, { concept: "b", layer: "y" })).toEqual([
      { quantity: "along", concept: "b", layer: "y" },
      { quantity: "along", concept: "a", layer: "y" },
    ]);
  });
  it("set one concept alone against what it does to the score", () => {
    const [, upwards] = usual(cells.slice(0, 2), { concept: "a", layer: "y" });
    expect(upwards).toEqual({ quantity: "slopes", concept: "a", layer: "y" });
  });
  it("are all concepts at all layers, in both quantities, also where there is no score", () => {
    const all = axesOf([cell("a", "x"), cell("a", "y", "not told apart")]);
    expect(all.map(([axis, refusal]) => nameOf(axis) + refusal)).toEqual([
      "along a at x",
      "along a at ynot told apart",
      "score towards a at x",
      "score towards a at ynot told apart",
    ]);
  });
  it("are told apart by their keys whatever concepts are called", () => {
    const odd = { quantity: "slopes", concept: 'a","b|', layer: "x" } as const;
    expect(axisOf(keyOf(odd))).toEqual(odd);
  });
  it("say their unit", () => {
    const about = { output: "logit" } as ConceptsAbout;
    const grid = { target: "zebra" } as ConceptGrid;
    const axis = { concept: "a", layer: "x" };
    expect(titleOf({ ...axis, quantity: "along" }, about, grid)).toBe(
      "a at x, in units of activation",
    );
    expect(titleOf({ ...axis, quantity: "slopes" }, about, grid)).toBe(
      "change of the logit of zebra per unit towards a at x",
    );
  });
});

describe("a scale", () => {
  it("holds every value and 0, with round numbers between", () => {
    const { ends, ticks } = scaleOf([3, Number.NaN, 17]);
    expect(ends).toEqual([0, 17]);
    expect(ticks).toEqual([0, 5, 10, 15]);
  });
  it("has both signs where values have", () => {
    const { ends, ticks } = scaleOf([-0.3, 0.35]);
    expect(ends).toEqual([-0.3, 0.35]);
    expect(ticks.map((tick) => Number(tick.toFixed(6)))).toEqual([-0.2, 0, 0.2]);
  });
  it("ends at 0 where all values are below it, and has room where all are 0", () => {
    expect(scaleOf([-4, -2]).ends).toEqual([-4, 0]);
    expect(scaleOf([0, 0]).ends).toEqual([0, 1]);
    expect(scaleOf([]).ends).toEqual([0, 1]);
  });
});

describe("pictures in the plane", () => {
  const x = Float32Array.of(3, 1, Number.NaN, 2, 1);
  const y = Float32Array.of(0, 5, 1, 7, 6);
  it("are those that both axes know", () => {
    expect(placed(x, y)).toEqual([0, 1, 3, 4]);
  });
  it("are gone through across and upwards, each of them, and the last stays", () => {
    const all = placed(x, y);
    const go = (key: string, from: number): number[] => {
      const way = [from];
      for (let i = 0; i < 4; i++) way.push(onwards(key, all, way[i], x, y) as number);
      return way;
    };
    expect(go("ArrowRight", 1)).toEqual([1, 4, 3, 0, 0]);
    expect(go("ArrowLeft", 0)).toEqual([0, 3, 4, 1, 1]);
    expect(go("ArrowUp", 0)).toEqual([0, 1, 4, 3, 3]);
    expect(go("ArrowDown", 3)).toEqual([3, 4, 1, 0, 0]);
    expect(onwards("Enter", all, 1, x, y)).toBeUndefined();
  });
});
