/** How much of a map lies in a region: the same as Python's `region_overlap`. */

import type { OverlapCard } from "../wire";

export type Overlap = Pick<OverlapCard, "share" | "iou" | "hit" | "area">;

/** `inside` is 1 for the pixels of the region, which has at least one. */
export function overlap(map: Float32Array, inside: Uint8Array): Overlap {
  const proof = map.map((value) => Math.max(value, 0));
  const count = inside.reduce((a, b) => a + b, 0);
  const area = count / map.length;
  const sorted = proof.slice().sort();
  const most = sorted[sorted.length - 1];
  if (most === sorted[0]) return { share: null, iou: null, hit: null, area };
  const last = sorted[sorted.length - count];
  const at = { all: 0, within: 0, top: 0, above: 0, tied: 0, tiedWithin: 0, high: 0, hits: 0 };
  for (let i = 0; i < proof.length; i++) {
    const [value, within] = [proof[i], inside[i]];
    at.all += value;
    at.within += within * value;
    at.above += +(value > last);
    at.top += within * +(value > last);
    at.tied += +(value === last);
    at.tiedWithin += within * +(value === last);
    at.high += +(value === most);
    at.hits += within * +(value === most);
  }
  // Of pixels that tie for the last places, the share that chance would pick.
  const common = at.top + ((count - at.above) / at.tied) * at.tiedWithin;
  const iou = common / (2 * count - common);
  return { share: at.within / at.all, iou, hit: at.hits / at.high, area };
}
