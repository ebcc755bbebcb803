import { describe, expect, it } from "vitest";
import file from "../../tests/golden/display.json";
import { mainBox } from "../src/box";
import {
  applySign,
  colourise,
  DIMMED,
  indexOf,
  limitOf,
  rank,
  scaleFor,
  share,
} from "../src/display";
import { smooth } from "../src/smooth";
import type { Region, Sign } from "../src/wire";

interface Case {
  map: string;
  sign: Sign;
  clip: number;
  keep: number;
  contour: number;
  smoothing: number;
  limit: number;
  threshold: number;
  level: number;
  diverging: number[];
  diverging_edge: number[];
  sequential: number[];
  sequential_edge: number[];
}
interface Share {
  map: string;
  sign: Sign;
  region: Region;
  share: number | null;
}
interface Composite {
  picture: number;
  colour: number;
  opacity: number;
  kept: boolean;
  value: number;
}
const golden = file as unknown as {
  maps: Record<string, { shape: [number, number]; values: number[] }>;
  cases: Case[];
  blurred: { map: string; sigma: number; values: number[] }[];
  shared: { maps: string[]; sign: Sign; clip: number; limit: number }[];
  shares: Share[];
  composite: Composite[];
  boxes: { map: string; share: number; box: [number, number, number, number] | null }[];
};
const map = (name: string): Float32Array => Float32Array.from(golden.maps[name].values);
const shape = (name: string): [number, number] => golden.maps[name].shape;
const near = (a: number, b: number): void =>
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(a), Math.abs(b)) + 1e-12);

describe("the golden file that Python reads too", () => {
  it("holds every map with every sign", () => {
    expect(golden.cases.length).toBe(10 * 4 * 5);
  });

  it.each(golden.cases)("$map, $sign, clip $clip, keep $keep, blur $smoothing", (one) => {
    const [height, width] = shape(one.map);
    const raw = map(one.map);
    const m = one.smoothing ? smooth(raw, width, height, one.smoothing) : raw;
    const v = applySign(m, one.sign);
    const ranks = rank(v);
    const limit = limitOf(ranks, one.clip, v.length);
    near(limit, one.limit);
    near(ranks.threshold(one.keep), one.threshold);
    near(ranks.percentile(one.contour), one.level);
    for (const kind of ["diverging", "sequential"] as const) {
      const scale = scaleFor(one.sign, kind === "diverging");
      const edge = new Set(one.smoothing ? one[`${kind}_edge`] : []);
      one[kind].forEach((expected, i) => {
        const index = indexOf(v[i], limit, scale);
        if (edge.has(i)) expect(Math.abs(index - expected)).toBeLessThanOrEqual(1);
        else expect(index).toBe(expected);
      });
    }
  });

  it.each(golden.blurred)("blurs $map by $sigma as scipy does", ({ map: name, sigma, values }) => {
    const [height, width] = shape(name);
    const out = smooth(map(name), width, height, sigma);
    values.forEach((value, i) => {
      expect(out[i]).toBeCloseTo(value, 6);
    });
  });

  it.each(golden.shared)("shares one limit, $sign at $clip", ({ maps, sign, clip, limit }) => {
    const limits = maps.map((name) => {
      const v = applySign(map(name), sign);
      return limitOf(rank(v), clip, v.length);
    });
    near(Math.max(...limits), limit);
  });

  it.each(golden.shares)("gives a region its share: $map, $sign", (one) => {
    const got = share(map(one.map), shape(one.map)[1], one.sign, one.region);
    if (one.share === null) expect(got).toBeNull();
    else expect(got).toBeCloseTo(one.share, 6);
  });

  it.each(golden.boxes)("boxes the main patch: $map at $share", (one) => {
    const box = mainBox(map(one.map), shape(one.map)[1], one.share);
    expect(box && [box.y0, box.x0, box.y1, box.x1]).toEqual(one.box);
  });

  it.each(golden.composite)("composites as the canvas does: $picture, $opacity", (one) => {
    const alpha = one.kept ? 1 : (DIMMED >>> 24) / 255;
    const a = one.opacity * alpha;
    expect(one.picture * (1 - a) + one.colour * a).toBeCloseTo(one.value, 9);
  });
});

describe("a whole map", () => {
  const table = new Uint32Array(256).map((_, i) => i);

  it.each(golden.cases)("takes the same places at once: $map, $sign", (one) => {
    if (one.smoothing) return;
    const v = applySign(map(one.map), one.sign);
    const out = new Uint32Array(v.length);
    const scale = scaleFor(one.sign, true);
    colourise(v, one.limit, scale, one.threshold, table, out);
    one.diverging.forEach((expected, i) => {
      expect(out[i]).toBe(Math.abs(v[i]) >= one.threshold ? expected : DIMMED);
    });
  });

  it("treats what is no number as 0", () => {
    const v = applySign(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, -2), "signed");
    expect([...v]).toEqual([0, 0, -2]);
  });

  it("ranks a large map exactly", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647 - 0.5;
    };
    const v = Float32Array.from({ length: 224 * 224 }, () => random() ** 5);
    const sorted = v.map(Math.abs).sort();
    const ranks = rank(v);
    for (const k of [0, 1, 100, 25000, 50174, 50175]) expect(ranks.order(k)).toBe(sorted[k]);
    expect(ranks.percentile(50)).toBeCloseTo((sorted[25087] + sorted[25088]) / 2, 12);
  });
});
