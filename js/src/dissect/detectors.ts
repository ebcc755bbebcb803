/** Which units detect which concepts, counted anew whenever the limit moves. */

/** Each unit's best concept, and its IoU; −1 for a unit that meets none. */
export interface Labels {
  concept: Int32Array;
  iou: Float32Array;
}

/** From IoU (units × concepts) the best concept of every unit. */
export function labelsOf(ious: Float32Array, concepts: number): Labels {
  const units = concepts ? ious.length / concepts : 0;
  const concept = new Int32Array(units).fill(-1);
  const iou = new Float32Array(units);
  for (let unit = 0, i = 0; unit < units; unit++) {
    for (let c = 0; c < concepts; c++, i++) {
      if (ious[i] > iou[unit]) {
        iou[unit] = ious[i];
        concept[unit] = c;
      }
    }
  }
  return { concept, iou };
}

/** What a layer detects: how many units, and how many concepts of each category. */
export interface Count {
  detectors: number;
  unique: number;
  byCategory: number[];
}

/** Count the detectors from an IoU of `limit` on. `categories` are the concepts' own numbers. */
export function count(labels: Labels, limit: number, categories: readonly number[]): Count {
  const found = new Set<number>();
  let detectors = 0;
  for (let unit = 0; unit < labels.iou.length; unit++) {
    if (!detects(labels, unit, limit)) continue;
    detectors++;
    found.add(labels.concept[unit]);
  }
  const byCategory = new Array<number>(Math.max(-1, ...categories) + 1).fill(0);
  for (const concept of found) byCategory[categories[concept]]++;
  return { detectors, unique: found.size, byCategory };
}

/** What a layer detects along random axes: the mean share of detectors and where it lies with 95 %,
 * and the mean number of concepts. */
export interface Along {
  share: number;
  low: number;
  high: number;
  unique: number;
}

/** Count likewise in each of some rotations, whose mean lies within `spread` standard deviations. */
export function along(
  rotations: readonly Labels[],
  limit: number,
  categories: readonly number[],
  spread: number,
): Along | null {
  const many = rotations.length;
  if (!many) return null;
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / many;
  const counts = rotations.map((labels) => count(labels, limit, categories));
  const shares = counts.map(({ detectors }, i) => detectors / rotations[i].iou.length);
  const share = mean(shares);
  const squares = mean(shares.map((one) => (one - share) ** 2)) * many;
  const wide = spread * Math.sqrt(squares / Math.max(1, many - 1));
  const unique = mean(counts.map((one) => one.unique));
  return { share, low: share - wide, high: share + wide, unique };
}

export const detects = ({ concept, iou }: Labels, unit: number, limit: number): boolean =>
  concept[unit] >= 0 && iou[unit] >= Math.fround(limit);

/** A unit's concepts by IoU, the best first. */
export function ranking(ious: Float32Array, concepts: number, unit: number): number[] {
  const own = ious.subarray(unit * concepts, (unit + 1) * concepts);
  return Array.from(own.keys()).sort((a, b) => own[b] - own[a] || a - b);
}

/** A mask of `size` pixels from its bits, the highest of a byte first. */
export function unpacked(bits: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = (bits[i >> 3] >> (7 - (i & 7))) & 1;
  return out;
}
