/**
 * How a map becomes colours: sign, ranks, limit, index, keep.
 *
 * Python's figures follow the same rules; tests/golden/display.json holds both to them.
 */

import type { Sign } from "./wire";

/** The part of one value that `sign` asks for; what is not finite counts as 0. */
function part(m: number, sign: Sign): number {
  if (m - m !== 0) return 0;
  if (sign === "signed") return m;
  return sign === "absolute" ? Math.abs(m) : Math.max(sign === "positive" ? m : -m, 0);
}

/** v: the part of the map that `sign` asks for. */
export function applySign(map: Float32Array, sign: Sign): Float32Array {
  const out = new Float32Array(map.length);
  for (let i = 0; i < map.length; i++) out[i] = part(map[i], sign);
  return out;
}

/** The magnitudes |v| by rank. */
export interface Ranks {
  /** The k-th smallest, from 0. */
  order(k: number): number;
  /** As numpy's percentile, linear between neighbours. */
  percentile(q: number): number;
  /** Pixels of at least this magnitude are the `keep` % largest; every pixel for 100. */
  threshold(keep: number): number;
}

/**
 * Rank by counting: the upper 16 bits of a positive float sort like the float itself, so a histogram
 * of 32,768 bins finds the bin of any rank, and only that bin's few values have to be sorted.
 */
export function rank(v: Float32Array): Ranks {
  const n = v.length;
  const patterns = new Uint32Array(v.buffer, v.byteOffset, n);
  const bins = new Uint32Array(32768);
  for (let i = 0; i < n; i++) bins[(patterns[i] & 0x7fffffff) >>> 16]++;

  let sortedBin = -1;
  let sorted = new Float32Array(0);
  function order(k: number): number {
    let bin = 0;
    let before = 0;
    while (before + bins[bin] <= k) before += bins[bin++];
    if (bin === 0) return 0; // zeros and what no eye will tell from them
    if (bin !== sortedBin) {
      sortedBin = bin;
      sorted = new Float32Array(bins[bin]);
      for (let i = 0, at = 0; i < n; i++) {
        if ((patterns[i] & 0x7fffffff) >>> 16 === bin) sorted[at++] = Math.abs(v[i]);
      }
      sorted.sort();
    }
    return sorted[k - before];
  }

  return {
    order,
    percentile(q) {
      const position = (q / 100) * (n - 1);
      const k = Math.floor(position);
      const t = position - k;
      const low = order(k);
      return t > 0 ? low + (order(k + 1) - low) * t : low;
    },
    threshold(keep) {
      return keep >= 100 ? 0 : order(n - Math.max(1, Math.floor((n * keep) / 100 + 0.5)));
    },
  };
}

/** The magnitude that gets the full colour; the largest when the percentile says 0. */
export function limitOf(ranks: Ranks, clip: number, n: number): number {
  return ranks.percentile(clip) || ranks.order(n - 1);
}

/** index = ⌊base + gain · clamp(v / limit, low, 1) + ½⌋ in a table of 256 colours. */
export interface Scale {
  base: number;
  gain: number;
  low: number;
}

/** A map of one sign uses the upper half of a diverging table, a signed one the whole of any. */
export function scaleFor(sign: Sign, diverging: boolean): Scale {
  if (sign === "signed") return { base: 127.5, gain: 127.5, low: -1 };
  return diverging ? { base: 128, gain: 127, low: 0 } : { base: 0, gain: 255, low: 0 };
}

/** The place of one value in the colour table. */
export function indexOf(v: number, limit: number, { base, gain, low }: Scale): number {
  const t = limit > 0 ? Math.min(1, Math.max(low, v / limit)) : 0;
  return Math.floor(base + gain * t + 0.5);
}

/** What lies over a pixel that `keep` leaves out: the picture at 35 % of its light. */
export const DIMMED = 0xa6000000;

/** Colours for a whole map; this is the loop that every slider waits for. */
export function colourise(
  v: Float32Array,
  limit: number,
  scale: Scale,
  threshold: number,
  table: Uint32Array,
  out: Uint32Array,
): void {
  const base = scale.base + 0.5;
  const gain = limit > 0 ? scale.gain / limit : 0;
  const high = base + scale.gain;
  const low = base + scale.gain * scale.low;
  for (let i = 0; i < v.length; i++) {
    const value = v[i];
    if (threshold > 0 && value < threshold && -value < threshold) {
      out[i] = DIMMED;
      continue;
    }
    const at = base + gain * value;
    out[i] = table[(at > high ? high : at < low ? low : at) | 0];
  }
}

/** Share of Σ|v| that lies in a rectangle of map pixels; null when there is nothing to share. */
export function share(
  map: Float32Array,
  width: number,
  sign: Sign,
  region: { x0: number; y0: number; x1: number; y1: number },
): number | null {
  let total = 0;
  let inside = 0;
  for (let i = 0, y = 0; i < map.length; y++) {
    const within = y >= region.y0 && y < region.y1;
    for (let x = 0; x < width; x++, i++) {
      const size = Math.abs(part(map[i], sign));
      total += size;
      if (within && x >= region.x0 && x < region.x1) inside += size;
    }
  }
  return total > 0 ? inside / total : null;
}
