/** Which pixels are hidden, what stands in their place, and what the brush covers. */

import { describe, expect, it } from "vitest";
import golden from "../../tests/golden/brush.json";
import { begun, drawn, painted } from "../src/masking/brush";
import { along, cut, STEPS, type Veil, veiled } from "../src/masking/masks";

const WIDTH = 4;
const picture = Uint32Array.from({ length: 16 }, (_, i) => 0xff000000 | (i * 0x0a0503));
const filled = new Uint32Array(16).fill(0xffabcdef);
// Pixel 0 goes first, pixel 15 last.
const levels = Uint8Array.from({ length: 16 }, (_, i) => Math.ceil(((i + 1) * STEPS) / 16));

function shown(veil: Partial<Veil>): Uint32Array {
  const out = new Uint32Array(16);
  veiled(picture, WIDTH, { levels, at: 0, flip: false, filled, ...veil }, out);
  return out;
}
const hidden = (veil: Partial<Veil>): number[] =>
  [...shown(veil)].flatMap((colour, i) => (colour === filled[0] ? [i] : []));

describe("what the slider hides", () => {
  const first = (n: number) => Array.from({ length: n }, (_, i) => i);
  const last = (n: number) => first(n).map((i) => 16 - n + i);
  it.each([
    ["remove", 0, []],
    ["remove", 25, first(4)],
    ["remove", 100, first(16)],
    ["keep", 0, []],
    ["keep", 25, last(4)],
    ["keep", 100, first(16)],
    ["reveal", 0, first(16)],
    ["reveal", 25, last(12)],
    ["reveal", 100, []],
  ] as const)("%s at %d %%", (mode, share, wanted) => {
    expect(hidden(cut({ mode, share }))).toEqual(wanted);
  });

  it("leaves the pixels that are shown as they are", () => {
    const out = shown(cut({ mode: "remove", share: 50 }));
    expect([...out.slice(8)]).toEqual([...picture.slice(8)]);
  });
});

describe("a hole filled from its neighbours", () => {
  it("has the mean of the smallest blocks that know any, and opaque grey where none does", () => {
    // Only the lower right block of 2 × 2 is known.
    const known = [10, 11, 14, 15];
    const own = Uint8Array.from({ length: 16 }, (_, i) => (known.includes(i) ? 2 : 1));
    const out = shown({ levels: own, at: 1, filled: null });
    const mean = (shift: number): number =>
      Math.round(known.reduce((sum, i) => sum + ((picture[i] >> shift) & 255), 0) / 4);
    const wanted = (0xff000000 | (mean(16) << 16) | (mean(8) << 8) | mean(0)) >>> 0;
    for (const i of [0, 3, 5, 12]) expect(out[i]).toBe(wanted);
    for (const i of known) expect(out[i]).toBe(picture[i]);
    expect(shown({ levels: own, at: 2, filled: null })[7]).toBe(0xff808080);
  });

  it("takes more of the nearer block, also at an uneven edge", () => {
    const three = Uint32Array.from([0xff0000ff, 0xff00ff00, 0xffff0000]);
    const out = new Uint32Array(3);
    const hole = Uint8Array.from([2, 1, 2]);
    veiled(three, 3, { levels: hole, at: 1, flip: false, filled: null }, out);
    expect([...out]).toEqual([0xff0000ff, 0xff4000bf, 0xffff0000]);
  });
});

describe("a curve read at a share", () => {
  const x = [0, 0.5, 1];
  it.each([
    [0, 1],
    [0.25, 0.6],
    [0.5, 0.2],
    [0.75, 0.3],
    [1, 0.4],
  ])("at %d", (at, value) => {
    expect(along(x, [1, 0.2, 0.4], at)).toBeCloseTo(value, 12);
  });
});

describe("the brush", () => {
  it.each(golden.map((one, i) => [i, one] as const))("paints case %d as Python does", (_, one) => {
    const [height, width] = one.shape;
    const found = [...painted(one.strokes, width, height)];
    expect(found.flatMap((level, i) => (level === 1 ? [i] : []))).toEqual(one.painted);
  });

  it("leaves no gap in a stroke, and keeps what it painted before", () => {
    const before = [[3, 1, 1]];
    const strokes = drawn(begun(before, 4, { x: 5, y: 5 }), { x: 45, y: 20 });
    expect(strokes[0]).toBe(before[0]);
    const [side, ...points] = strokes[1];
    expect(side).toBe(4);
    expect(points.slice(-2)).toEqual([45, 20]);
    for (let i = 2; i < points.length; i += 2) {
      expect(Math.abs(points[i] - points[i - 2])).toBeLessThanOrEqual(2);
      expect(Math.abs(points[i + 1] - points[i - 1])).toBeLessThanOrEqual(2);
    }
  });
});
