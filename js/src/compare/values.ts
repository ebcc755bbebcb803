/** Values of a map under a pixel of the picture, and maps brought to one grid. */

import { sliceOf } from "../arrays";
import type { Easel } from "../easel";
import type { Point } from "../geometry";
import type { Array as WireArray } from "../wire";

/** The value of a map at a pixel of the picture, which may be finer than the map; or at a token or column. */
export function readAt(store: Easel, array: WireArray, { x, y }: Point): number {
  const [width, height] = store.size.peek();
  const [rows, columns] = array.shape.slice(-2);
  if (store.row.peek()) return store.values(array)[x] ?? Number.NaN;
  const row = Math.min(rows - 1, Math.floor((y * rows) / height));
  const column = Math.min(columns - 1, Math.floor((x * columns) / width));
  return shown(store, array)[row * columns + column];
}

/** The values of a map, of a volume those of the slice on screen. */
export function shown(store: Easel, array: WireArray): Float32Array {
  const [rows, columns] = array.shape.slice(-2);
  return sliceOf(store.values(array), rows, columns, store.display.value.slice);
}

/** Means over whole blocks, so that a map has as many pixels as the one beside it. */
export function blockMeans(values: Float32Array, shape: number[], like: number[]): WireArray {
  const [rows, columns] = like;
  const side = Math.floor(shape[1] / columns);
  const out = new Float32Array(rows * columns);
  for (let y = 0; y < rows * side; y++) {
    for (let x = 0; x < columns * side; x++) {
      out[Math.floor(y / side) * columns + Math.floor(x / side)] +=
        values[y * shape[1] + x] / side ** 2;
    }
  }
  return { data: new DataView(out.buffer), dtype: "float32", shape: [rows, columns], scale: 1 };
}
