/**
 * Which pixels are hidden, and what stands in their place.
 *
 * `levels` say at which step of the slider a pixel goes, so that a mask is one comparison a pixel and the
 * same here as in Python (widgets/masking.py).
 */

import type { MaskSettings } from "../wire";

export const STEPS = 200;

/** A pixel is filled when (its level ≤ `at`) differs from `flip`. */
export interface Veil {
  levels: Uint8Array;
  at: number;
  flip: boolean;
  /** What shows through; null where it has to be made from the pixels around. */
  filled: Uint32Array | null;
}

/** Where the slider's share cuts the levels. */
export function cut({ mode, share }: Pick<MaskSettings, "mode" | "share">): {
  at: number;
  flip: boolean;
} {
  const step = Math.round((share * STEPS) / 100);
  return { at: mode === "keep" ? STEPS - step : step, flip: mode !== "remove" };
}

/** The picture with its hole filled. */
export function veiled(picture: Uint32Array, width: number, veil: Veil, out: Uint32Array): void {
  const { levels, at, flip, filled } = veil;
  const behind = filled ?? spread(picture, width, veil);
  for (let i = 0; i < out.length; i++) {
    out[i] = levels[i] <= at !== flip ? behind[i] : picture[i];
  }
}

/**
 * A picture whose holes have the mean colours of the smallest blocks of 2, 4, 8 … pixels that know any,
 * blended: a preview of the imputation from neighbours, which Python solves exactly.
 */
function spread(
  picture: Uint32Array,
  width: number,
  { levels, at, flip }: Omit<Veil, "filled">,
): Uint32Array {
  // Red, green, blue and their number: sums over the known pixels of every block, block by block.
  let sums = new Float32Array(4 * picture.length);
  for (let i = 0, j = 0; i < picture.length; i++, j += 4) {
    if (levels[i] <= at !== flip) continue;
    const colour = picture[i];
    sums[j] = colour & 255;
    sums[j + 1] = (colour >> 8) & 255;
    sums[j + 2] = (colour >> 16) & 255;
    sums[j + 3] = 1;
  }
  const pyramid = [{ sums, across: width }];
  for (let across = width, down = picture.length / width; across > 1 || down > 1; ) {
    const wide = (across + 1) >> 1;
    const coarse = new Float32Array(4 * wide * ((down + 1) >> 1));
    for (let y = 0, j = 0; y < down; y++) {
      for (let x = 0; x < across; x++, j += 4) {
        const to = 4 * ((y >> 1) * wide + (x >> 1));
        coarse[to] += sums[j];
        coarse[to + 1] += sums[j + 1];
        coarse[to + 2] += sums[j + 2];
        coarse[to + 3] += sums[j + 3];
      }
    }
    sums = coarse;
    across = wide;
    down = (down + 1) >> 1;
    pyramid.push({ sums, across });
  }
  // From the whole picture down to pixels: sums become means, and a block that knows nothing takes its
  // colour from the four blocks around it that are twice as large.
  for (let level = pyramid.length - 1; level >= 0; level--) {
    const { sums: fine, across } = pyramid[level];
    const { sums: coarse, across: wide } = pyramid[level + 1] ?? pyramid[level];
    const high = coarse.length / 4 / wide;
    for (let j = 0, x = 0, y = 0; j < fine.length; j += 4) {
      const n = fine[j + 3];
      if (n) {
        for (let c = 0; c < 3; c++) fine[j + c] /= n;
      } else if (fine === coarse) {
        fine.fill(128);
      } else {
        const row = 4 * wide * (y >> 1);
        const column = 4 * (x >> 1);
        const beside = 4 * Math.min(wide - 1, Math.max(0, (x >> 1) + (x & 1 ? 1 : -1)));
        const above = 4 * wide * Math.min(high - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1)));
        for (let c = 0; c < 3; c++) {
          fine[j + c] =
            (9 * coarse[row + column + c] +
              3 * coarse[row + beside + c] +
              3 * coarse[above + column + c] +
              coarse[above + beside + c]) /
            16;
        }
      }
      if (++x === across) {
        x = 0;
        y++;
      }
    }
  }
  const { sums: all } = pyramid[0];
  return picture.map((_, i) => {
    const j = 4 * i;
    return 0xff000000 | ((all[j + 2] + 0.5) << 16) | ((all[j + 1] + 0.5) << 8) | (all[j] + 0.5);
  });
}

/** A curve's value at a share, 0 … 1, linear between its points. */
export function along(x: number[], y: number[], share: number): number {
  const k = Math.min(x.length - 2, Math.max(0, x.findIndex((at) => at >= share) - 1));
  const t = (share - x[k]) / (x[k + 1] - x[k]);
  return y[k] + t * (y[k + 1] - y[k]);
}
