/** The outline of a set of pixels, drawn crisp on the screen's own pixels. */

import type { Zoom } from "./geometry";

/** A target of screen pixels, 0xAABBGGRR. */
export interface Screen {
  pixels: Uint32Array;
  width: number;
  height: number;
}

/** Two colours: one on the set's side of the edge, one on the other side, so it shows on anything. */
export interface Pen {
  inner: number;
  outer: number;
  thickness: number;
}

/** Screen positions of the edges between a map's pixels. */
function edges(n: number, size: number, k: number, start: number): Int32Array {
  return new Int32Array(n + 1).map((_, i) => Math.round((i / n - start) * k * size));
}

/**
 * Every edge between a pixel inside and one outside becomes a stroke along that edge. The cost grows
 * with the edges and not with a path's length, so the speckle of a gradient map draws as fast as a
 * blob.
 */
export function outline(
  inside: Uint8Array,
  width: number,
  height: number,
  zoom: Zoom,
  screen: Screen,
  pen: Pen,
): void {
  const xs = edges(width, screen.width, zoom.k, zoom.x);
  const ys = edges(height, screen.height, zoom.k, zoom.y);
  const fill = (x0: number, y0: number, x1: number, y1: number, colour: number): void => {
    const left = Math.max(0, x0);
    const right = Math.min(screen.width, x1);
    for (let y = Math.max(0, y0); y < Math.min(screen.height, y1); y++) {
      for (let x = left; x < right; x++) screen.pixels[y * screen.width + x] = colour;
    }
  };
  const t = pen.thickness;
  // The outer colour first everywhere, so that no corner of it covers the inner one.
  for (const side of [0, 1]) {
    const colour = side ? pen.inner : pen.outer;
    for (let y = 0; y < height; y++) {
      if (ys[y + 1] < 0 || ys[y] > screen.height) continue;
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const here = inside[i];
        if (x + 1 < width && here !== inside[i + 1]) {
          const at = here === side ? xs[x + 1] - t : xs[x + 1];
          fill(at, ys[y], at + t, ys[y + 1], colour);
        }
        if (y + 1 < height && here !== inside[i + width]) {
          const at = here === side ? ys[y + 1] - t : ys[y + 1];
          fill(xs[x], at, xs[x + 1], at + t, colour);
        }
      }
    }
  }
}
