import { describe, expect, it } from "vitest";
import { bytes, floats, pixels, thin } from "../src/arrays";
import { inside, maskBox, overlap } from "../src/box";
import { gradient, table } from "../src/colour";
import { outline } from "../src/contour";
import { scaleFor } from "../src/display";
import { between, pan, pixelAt, scaleRegion, WHOLE, zoomAt } from "../src/geometry";
import { half, halves } from "../src/half";
import { digits, percent } from "../src/numbers";
import { kernel, reflect } from "../src/smooth";
import type { Dtype, Array as WireArray } from "../src/wire";

/** A half float read from its parts, the slow way. */
function slowHalf(bits: number): number {
  const text = bits.toString(2).padStart(16, "0");
  const sign = text[0] === "1" ? -1 : 1;
  const exponent = Number.parseInt(text.slice(1, 6), 2);
  let fraction = exponent ? 1 : 0;
  for (let i = 0; i < 10; i++) if (text[6 + i] === "1") fraction += 2 ** -(i + 1);
  if (exponent === 31) return fraction === 1 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * fraction * 2 ** (exponent ? exponent - 15 : -14);
}

const array = (data: ArrayBufferView | ArrayBuffer, dtype: Dtype, shape: number[], scale = 1) =>
  ({ data, dtype, shape, scale }) as WireArray;

describe("half floats", () => {
  it("are read right in all 65,536 patterns", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const expected = slowHalf(bits);
      if (!Object.is(half(bits), expected)) throw new Error(`${bits}: ${half(bits)} ${expected}`);
    }
  });
  it("are multiplied by their scale", () => {
    expect([...halves(Uint16Array.of(0x3c00, 0xc000), 0.5)]).toEqual([0.5, -1]);
  });
});

describe("arrays", () => {
  it("come as a view, a buffer or bytes, aligned or not", () => {
    const buffer = new Uint8Array([9, 0, 0x3c, 0, 0xc0]).buffer;
    const view = new DataView(buffer, 1, 4);
    expect([...floats(array(view, "float16", [2]))]).toEqual([1, -2]);
    expect([...floats(array(buffer.slice(1), "float16", [2]))]).toEqual([1, -2]);
    expect([...floats(array(new Uint8Array(buffer, 1), "float16", [2]))]).toEqual([1, -2]);
    expect(bytes(view).length).toBe(4);
  });
  it("hold float32 and bytes too", () => {
    const values = new DataView(Float32Array.of(0.5, -3).buffer);
    expect([...floats(array(values, "float32", [2], 2))]).toEqual([1, -6]);
    expect([...floats(array(Uint8Array.of(0, 255), "uint8", [2], 0.5))]).toEqual([0, 127.5]);
  });
  it("are refused where their bytes are too few or too many for the shape", () => {
    for (const [bytes, dtype, shape] of [
      [5, "float16", [1, 5]],
      [4, "float16", [3]],
      [8, "float32", [3]],
      [3, "uint8", [2]],
    ] as const) {
      const wrong = array(new Uint8Array(bytes), dtype, [...shape]);
      expect(() => floats(wrong)).toThrow(`${bytes} bytes came for ${dtype} of shape ${shape}.`);
    }
  });
  it("become pixels, grey or coloured", () => {
    expect([...pixels(array(Uint8Array.of(1, 2, 3), "uint8", [1, 1, 3]))]).toEqual([0xff030201]);
    expect([...pixels(array(Uint8Array.of(7), "uint8", [1, 1]))]).toEqual([0xff070707]);
  });
  it("are thinned for thumbnails, every third pixel of each row and column", () => {
    const small = thin(
      Float32Array.from({ length: 20 }, (_, i) => i),
      [4, 5],
      3,
    );
    expect(small.shape).toEqual([2, 2]);
    expect([...floats(small)]).toEqual([0, 3, 15, 18]);
  });
});

describe("colour tables", () => {
  const map = {
    name: "ramp",
    diverging: true,
    data: new DataView(Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)).buffer),
  };
  it("become canvas pixels", () => {
    expect(table(map)[5]).toBe(0xff050505);
  });
  it("show the half that a map of one sign uses", () => {
    expect(gradient(map, scaleFor("signed", true))).toContain("(90deg,rgb(0 0 0),");
    expect(gradient(map, scaleFor("positive", true))).toContain("(90deg,rgb(128 128 128),");
    expect(gradient(map, scaleFor("positive", false))).toContain("rgb(255 255 255))");
  });
});

describe("smoothing", () => {
  it("has a kernel of radius ceil(3 sigma) that sums to 1", () => {
    const half = kernel(1.2);
    expect(half.length).toBe(5);
    expect(half[0] + 2 * half.slice(1).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });
  it("reflects at the border, also far beyond it", () => {
    expect([-1, -2, 0, 3, 4, 5].map((i) => reflect(i, 4))).toEqual([0, 1, 0, 3, 3, 2]);
    expect([-3, 7].map((i) => reflect(i, 1))).toEqual([0, 0]);
  });
});

describe("contours", () => {
  const pen = { inner: 1, outer: 2, thickness: 1 };
  function draw(inside: number[], width: number, scale: number, zoom = WHOLE): string[] {
    const height = inside.length / width;
    const screen = {
      pixels: new Uint32Array(width * height * scale * scale),
      width: width * scale,
      height: height * scale,
    };
    outline(Uint8Array.from(inside), width, height, zoom, screen, pen);
    const rows = [];
    for (let y = 0; y < screen.height; y++) {
      rows.push(screen.pixels.slice(y * screen.width, (y + 1) * screen.width).join(""));
    }
    return rows;
  }
  it("run along both sides of the edge between inside and outside", () => {
    expect(draw([1, 1, 0, 0], 4, 3)).toEqual(Array(3).fill("000001200000"));
  });
  it("go round a single pixel", () => {
    const rows = draw([0, 0, 0, 0, 1, 0, 0, 0, 0], 3, 3);
    expect(rows[3]).toBe("002111200");
    expect(rows[4]).toBe("002101200");
    expect(rows[2]).toBe("000222000");
  });
  it("say nothing of a set that is everything or nothing", () => {
    expect(draw([1, 1, 1, 1], 2, 2).join("")).toBe("0".repeat(16));
    expect(draw([0, 0, 0, 0], 2, 2).join("")).toBe("0".repeat(16));
  });
  it("close at the border where that is an edge too", () => {
    const shut = { pixels: new Uint32Array(16), width: 4, height: 4 };
    outline(Uint8Array.of(1, 0, 0, 0), 2, 2, WHOLE, shut, { ...pen, closed: true });
    expect(shut.pixels.join("")).toBe("1120112022000000");
    const open = { pixels: new Uint32Array(16), width: 4, height: 4 };
    outline(Uint8Array.of(1, 1, 1, 1), 2, 2, WHOLE, open, { ...pen, closed: true });
    expect(open.pixels.join("")).toBe("1111100110011111");
  });
  it("follow the zoom", () => {
    expect(draw([1, 1, 0, 0], 4, 2, { k: 2, x: 0.25, y: 0 })).toEqual(Array(2).fill("00012000"));
  });
});

describe("boxes", () => {
  const box = (x0: number, y0: number, x1: number, y1: number) => ({ x0, y0, x1, y1 });
  it("go around a whole mask, however many patches it has", () => {
    expect(maskBox(Float32Array.of(0, 1, 0, 0, 0, 0, 0, 0, 1), 3)).toEqual(box(1, 0, 3, 3));
    expect(maskBox(new Float32Array(4), 2)).toBeNull();
  });
  it("are sets of pixels too", () => {
    expect(inside(box(1, 0, 3, 1), 3, 2).join("")).toBe("011000");
  });
  it("agree by what they share of what they cover together", () => {
    expect(overlap(box(0, 0, 2, 2), box(1, 0, 3, 2))).toBeCloseTo(1 / 3, 12);
    expect(overlap(box(0, 0, 2, 2), box(2, 2, 3, 3))).toBe(0);
  });
});

describe("zoom", () => {
  it("keeps the point under the pointer", () => {
    const zoom = zoomAt({ k: 2, x: 0.25, y: 0.25 }, 2, 0.5, 0.5);
    expect(zoom.k).toBe(4);
    expect(zoom.x + 0.5 / zoom.k).toBeCloseTo(0.5, 12);
  });
  it("never leaves the picture", () => {
    expect(zoomAt({ k: 2, x: 0.5, y: 0.5 }, 0.1, 0.9, 0.9)).toEqual(WHOLE);
    expect(pan({ k: 2, x: 0, y: 0 }, 5, -5)).toEqual({ k: 2, x: 0, y: 0.5 });
  });
  it("finds the pixel, inside the picture always", () => {
    expect(pixelAt({ k: 2, x: 0.5, y: 0 }, 0.5, 1, 8, 8)).toEqual({ x: 6, y: 4 });
    expect(pixelAt(WHOLE, 1, -1, 8, 8)).toEqual({ x: 7, y: 0 });
  });
});

describe("regions", () => {
  it("hold both corners, whichever comes first", () => {
    expect(between({ x: 4, y: 1 }, { x: 2, y: 3 })).toEqual({ x0: 2, y0: 1, x1: 5, y1: 4 });
  });
  it("fit a coarser map", () => {
    expect(scaleRegion({ x0: 0, y0: 32, x1: 32, y1: 64 }, 1 / 16, 1 / 32)).toEqual({
      x0: 0,
      y0: 1,
      x1: 2,
      y1: 2,
    });
  });
});

describe("numbers", () => {
  it("have three significant digits and a true minus", () => {
    expect([0.031234, -12.3456, 0, 1e-6, 123456].map(digits)).toEqual([
      "0.0312",
      "−12.3",
      "0",
      "1.00e−6",
      "1.23e+5",
    ]);
    expect(digits(Number.NaN)).toBe("not a number");
  });
  it("show a small share with a decimal", () => {
    expect([0, 0.0312, 0.4149, 1].map(percent)).toEqual(["0 %", "3.1 %", "41 %", "100 %"]);
  });
});
