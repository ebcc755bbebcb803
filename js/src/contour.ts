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
  /** Whether the border of the map is an edge too. */
  closed?: true;
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
  const { pixels } = screen;
  const { inner, outer, thickness, closed } = pen;
  /** A stroke along an edge; what is outer never covers what is inner. */
  function stroke(x0: number, y0: number, x1: number, y1: number, colour: number): void {
    const left = Math.max(0, x0);
    const right = Math.min(screen.width, x1);
    const bottom = Math.min(screen.height, y1);
    for (let y = Math.max(0, y0); y < bottom; y++) {
      for (let i = y * screen.width + left, end = i + right - left; i < end; i++) {
        if (pixels[i] !== inner) pixels[i] = colour;
      }
    }
  }
  for (let y = 0; y < height; y++) {
    const top = ys[y];
    const bottom = ys[y + 1];
    if (bottom < 0 || top > screen.height) continue;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const here = inside[i];
      const right = xs[x + 1];
      if (closed && here) {
        if (!x) stroke(xs[x], top, xs[x] + thickness, bottom, inner);
        if (x + 1 === width) stroke(right - thickness, top, right, bottom, inner);
        if (!y) stroke(xs[x], top, right, top + thickness, inner);
        if (y + 1 === height) stroke(xs[x], bottom - thickness, right, bottom, inner);
      }
      if (x + 1 < width && here !== inside[i + 1]) {
        stroke(right - thickness, top, right, bottom, here ? inner : outer);
        stroke(right, top, right + thickness, bottom, here ? outer : inner);
      }
      if (y + 1 < height && here !== inside[i + width]) {
        stroke(xs[x], bottom - thickness, right, bottom, here ? inner : outer);
        stroke(xs[x], bottom, right, bottom + thickness, here ? outer : inner);
      }
    }
  }
}
