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
  if (filled) {
    for (let i = 0; i < out.length; i++) {
      out[i] = levels[i] <= at !== flip ? filled[i] : picture[i];
    }
  } else spread(picture, width, veil, out);
}

/** Red, green, blue and their number, block by block: sums over the known pixels, later means. */
interface Blocks {
  sums: Float32Array;
  across: number;
  down: number;
}

/**
 * The picture with its holes in the mean colours of the smallest blocks of 2, 4, 8 … pixels that know any,
 * blended: a preview of the imputation from neighbours, which Python solves exactly.
 */
function spread(
  picture: Uint32Array,
  width: number,
  { levels, at, flip }: Omit<Veil, "filled">,
  out: Uint32Array,
): void {
  const height = picture.length / width;
  const first = half(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, row = (y >> 1) * first.across; x < width; x++, i++) {
      if (levels[i] <= at !== flip) continue;
      const colour = picture[i];
      add(
        first.sums,
        4 * (row + (x >> 1)),
        colour & 255,
        (colour >> 8) & 255,
        (colour >> 16) & 255,
        1,
      );
    }
  }
  const pyramid = [first];
  for (let fine = first; fine.across > 1 || fine.down > 1; pyramid.push(fine)) fine = coarser(fine);
  means(pyramid);
  const colour = new Float32Array(3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (levels[i] <= at === flip) {
        out[i] = picture[i];
        continue;
      }
      blend(first, x, y, colour, 0);
      out[i] =
        0xff000000 | ((colour[2] + 0.5) << 16) | ((colour[1] + 0.5) << 8) | (colour[0] + 0.5);
    }
  }
}

function half(across: number, down: number): Blocks {
  const wide = (across + 1) >> 1;
  const high = (down + 1) >> 1;
  return { sums: new Float32Array(4 * wide * high), across: wide, down: high };
}

function add(sums: Float32Array, j: number, r: number, g: number, b: number, n: number): void {
  sums[j] += r;
  sums[j + 1] += g;
  sums[j + 2] += b;
  sums[j + 3] += n;
}

function coarser({ sums, across, down }: Blocks): Blocks {
  const coarse = half(across, down);
  for (let y = 0, j = 0; y < down; y++) {
    for (let x = 0, row = (y >> 1) * coarse.across; x < across; x++, j += 4) {
      const to = 4 * (row + (x >> 1));
      add(coarse.sums, to, sums[j], sums[j + 1], sums[j + 2], sums[j + 3]);
    }
  }
  return coarse;
}

/** From the whole picture down: sums become means, and a block that knows nothing takes its colour from
 * the four blocks around it that are twice as large. */
function means(pyramid: Blocks[]): void {
  for (let level = pyramid.length - 1; level >= 0; level--) {
    const { sums, across } = pyramid[level];
    for (let j = 0, x = 0, y = 0; j < sums.length; j += 4) {
      const n = sums[j + 3];
      if (n) for (let c = 0; c < 3; c++) sums[j + c] /= n;
      else if (level === pyramid.length - 1) sums.fill(128);
      else blend(pyramid[level + 1], x, y, sums, j);
      if (++x === across) {
        x = 0;
        y++;
      }
    }
  }
}

/** The colour at (x, y), in half-sized steps, between the four blocks around it. */
function blend(
  { sums, across, down }: Blocks,
  x: number,
  y: number,
  to: Float32Array,
  j: number,
): void {
  const row = 4 * across * (y >> 1);
  const column = 4 * (x >> 1);
  const beside = 4 * Math.min(across - 1, Math.max(0, (x >> 1) + (x & 1 ? 1 : -1)));
  const above = 4 * across * Math.min(down - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1)));
  for (let c = 0; c < 3; c++) {
    to[j + c] =
      (9 * sums[row + column + c] +
        3 * sums[row + beside + c] +
        3 * sums[above + column + c] +
        sums[above + beside + c]) /
      16;
  }
}

/** A curve's value at a share, 0 … 1, linear between its points. */
export function along(x: number[], y: number[], share: number): number {
  const k = Math.min(x.length - 2, Math.max(0, x.findIndex((at) => at >= share) - 1));
  const t = (share - x[k]) / (x[k + 1] - x[k]);
  return y[k] + t * (y[k + 1] - y[k]);
}
