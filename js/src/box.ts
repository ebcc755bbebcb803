/** Boxes around what a map calls important: the same as Python's `Heatmap.boxes`. */

import type { Region } from "./wire";

/** The tight box around pixels, given by their places in rows of that width; null for none. */
export function around(places: number[], width: number): Region | null {
  if (!places.length) return null;
  const box = { x0: width, y0: Number.POSITIVE_INFINITY, x1: 0, y1: 0 };
  for (const at of places) {
    const x = at % width;
    const y = (at - x) / width;
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x + 1);
    box.y1 = Math.max(box.y1, y + 1);
  }
  return box;
}

/** The places of the largest patch of pixels of at least `level`; corners touch. */
function patch(map: Float32Array, width: number, level: number): number[] {
  const seen = new Uint8Array(map.length);
  let largest: number[] = [];
  for (let start = 0; start < map.length; start++) {
    if (seen[start] || !(map[start] >= level)) continue;
    const found = [start];
    seen[start] = 1;
    for (const at of found) {
      const x = at % width;
      for (let near = Math.max(0, x - 1); near <= x + 1 && near < width; near++) {
        for (let next = at - x + near - width, i = 0; i < 3; i++, next += width) {
          if (map[next] >= level && !seen[next]) {
            seen[next] = 1;
            found.push(next);
          }
        }
      }
    }
    if (found.length > largest.length) largest = found;
  }
  return largest;
}

/** The box around the largest patch of what reaches a share of the map's maximum; null where
 * nothing speaks for the target. */
export function mainBox(map: Float32Array, width: number, share: number): Region | null {
  const most = map.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 ? around(patch(map, width, share * most), width) : null;
}

/** The tight box around a mask. */
export function maskBox(mask: Float32Array, width: number): Region | null {
  const places: number[] = [];
  mask.forEach((value, at) => {
    if (value > 0) places.push(at);
  });
  return around(places, width);
}

const area = ({ x0, y0, x1, y1 }: Region): number => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);

/** Intersection over union. */
export function overlap(a: Region, b: Region): number {
  const shared = area({
    x0: Math.max(a.x0, b.x0),
    y0: Math.max(a.y0, b.y0),
    x1: Math.min(a.x1, b.x1),
    y1: Math.min(a.y1, b.y1),
  });
  return shared / (area(a) + area(b) - shared);
}

/** The pixels inside a box, as a set that has an outline. */
export function inside({ x0, y0, x1, y1 }: Region, width: number, height: number): Uint8Array {
  const set = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) set.fill(1, y * width + x0, y * width + x1);
  return set;
}
