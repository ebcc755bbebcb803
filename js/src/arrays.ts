/** Arrays off the wire: bytes with a small header become typed arrays and pictures. */

import { halves } from "./half";
import type { Array as WireArray } from "./wire";

/** Hosts hand bytes over in three shapes. */
export function bytes(data: DataView | ArrayBuffer | Uint8Array): Uint8Array<ArrayBuffer> {
  const at = ArrayBuffer.isView(data) ? data : new DataView(data);
  return new Uint8Array(at.buffer as ArrayBuffer, at.byteOffset, at.byteLength);
}

export const SIZES = { float32: 4, float16: 2, uint8: 1 };

/** The values of an array: what is stored, times its scale. */
export function floats({ data, dtype, shape, scale }: WireArray): Float32Array {
  const raw = bytes(data);
  if (raw.length !== shape.reduce((a, b) => a * b, SIZES[dtype])) {
    throw new Error(`${raw.length} bytes came for ${dtype} of shape ${shape}.`);
  }
  if (dtype === "uint8") return Float32Array.from(raw, (value) => value * scale);
  const aligned = raw.slice().buffer;
  if (dtype === "float16") return halves(new Uint16Array(aligned), scale);
  const out = new Float32Array(aligned);
  if (scale !== 1) for (let i = 0; i < out.length; i++) out[i] *= scale;
  return out;
}

/** A grey or RGB picture (uint8), of a volume slice after slice, as pixels of a canvas, 0xAABBGGRR. */
export function pixels({ data, shape }: WireArray): Uint32Array<ArrayBuffer> {
  const raw = bytes(data);
  const colours = shape.length > 2 ? (shape.at(-1) as number) : 1;
  const out = new Uint32Array(raw.length / colours);
  const [green, blue] = colours < 3 ? [0, 0] : [1, 2];
  for (let i = 0, j = 0; i < out.length; i++, j += colours) {
    out[i] = 0xff000000 | (raw[j + blue] << 16) | (raw[j + green] << 8) | raw[j];
  }
  return out;
}

/** A sheet of pictures as one array each. */
export function apart(sheet: WireArray): WireArray[] {
  const [count, ...shape] = sheet.shape;
  const { buffer, byteOffset } = bytes(sheet.data);
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => ({
    ...sheet,
    shape,
    data: new DataView(buffer, byteOffset + i * size, size),
  }));
}

/** One slice of a volume's values, one after the other; of what has no depth all of it. */
export function sliceOf<A extends Float32Array | Uint32Array<ArrayBuffer>>(
  values: A,
  rows: number,
  columns: number,
  at: number,
): A {
  const size = rows * columns;
  if (values.length === size) return values;
  return values.subarray(at * size, (at + 1) * size) as A;
}

/** Every `stride`-th pixel of a map, for a thumbnail. */
export function thin(values: Float32Array, shape: number[], stride: number): WireArray {
  const [height, width] = shape.map((side) => Math.ceil(side / stride));
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out[y * width + x] = values[(y * shape[1] + x) * stride];
  }
  return { data: new DataView(out.buffer), dtype: "float32", shape: [height, width], scale: 1 };
}

/** Put pixels on a canvas, which takes their size. */
export function put(
  canvas: HTMLCanvasElement,
  colours: Uint32Array<ArrayBuffer>,
  width: number,
): void {
  const height = colours.length / width;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const data = new Uint8ClampedArray(colours.buffer, colours.byteOffset, colours.byteLength);
  canvas.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
}
