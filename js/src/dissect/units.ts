/** Arithmetic on a layer's units, without a page. */

import { clamp } from "../geometry";

/**
 * A map at the size of a picture: bilinear between the centres of cells, and flat outside them.
 *
 * `anchors` are the first cell's centre and the step to the next, down and then across, as shares of
 * the picture; without them cells are equal parts of it.
 */
export function raised(
  map: Float32Array,
  [rows, columns]: readonly [number, number],
  [height, width]: readonly [number, number],
  anchors: readonly number[] = [0.5 / rows, 1 / rows, 0.5 / columns, 1 / columns],
): Float32Array {
  const [firstRow, rowStep, firstColumn, columnStep] = anchors;
  const out = new Float32Array(height * width);
  const across = Array.from({ length: width }, (_, x) =>
    between(((x + 0.5) / width - firstColumn) / columnStep, columns),
  );
  for (let y = 0; y < height; y++) {
    const [top, bottom, down] = between(((y + 0.5) / height - firstRow) / rowStep, rows);
    for (let x = 0; x < width; x++) {
      const [left, right, over] = across[x];
      const upper = map[top * columns + left] * (1 - over) + map[top * columns + right] * over;
      const lower =
        map[bottom * columns + left] * (1 - over) + map[bottom * columns + right] * over;
      out[y * width + x] = upper * (1 - down) + lower * down;
    }
  }
  return out;
}

/** The two cells that a place lies between, and how far on the way to the second. */
function between(at: number, cells: number): [number, number, number] {
  const place = clamp(at, 0, cells - 1);
  const first = Math.floor(place);
  return [first, Math.min(first + 1, cells - 1), place - first];
}

/** Where values are above a level, as 0 and 1. */
export function above(values: Float32Array, level: number): Uint8Array {
  const out = new Uint8Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = values[i] > level ? 1 : 0;
  return out;
}

/** Black over all but a mask (0xAABBGGRR), which leaves what is below a share of its light. */
export function shaded(mask: Uint8Array, light: number): Uint32Array<ArrayBuffer> {
  const black = (Math.round(255 * (1 - light)) << 24) >>> 0;
  return Uint32Array.from(mask, (inside) => (inside ? 0 : black));
}

/** Whether every word of a search is in a text; a number alone is a unit's own. */
export function fits(search: string, unit: number, text: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const said = text.toLowerCase();
  return words.every((word) => (/^\d+$/.test(word) ? String(unit) === word : said.includes(word)));
}
