/** Points, rectangles and zoom, in pixels of the picture or fractions of the stage. */

import type { Region } from "./wire";

export interface Point {
  x: number;
  y: number;
}

/** `k` times as large; (x, y) is the picture's point, 0 … 1, at the stage's upper left corner. */
export interface Zoom extends Point {
  k: number;
}

export const WHOLE: Zoom = { k: 1, x: 0, y: 0 };
const CLOSEST = 32;

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value));

function within(k: number, x: number, y: number): Zoom {
  return { k, x: clamp(x, 0, 1 - 1 / k), y: clamp(y, 0, 1 - 1 / k) };
}

/** Zoom by a factor while the point under (fx, fy) of the stage stays where it is. */
export function zoomAt(zoom: Zoom, factor: number, fx: number, fy: number): Zoom {
  const k = clamp(zoom.k * factor, 1, CLOSEST);
  return within(k, zoom.x + fx / zoom.k - fx / k, zoom.y + fy / zoom.k - fy / k);
}

/** Move the picture by fractions of the stage. */
export function pan(zoom: Zoom, dx: number, dy: number): Zoom {
  return within(zoom.k, zoom.x - dx / zoom.k, zoom.y - dy / zoom.k);
}

/** The picture's pixel under a point of the stage. */
export function pixelAt(zoom: Zoom, fx: number, fy: number, width: number, height: number): Point {
  return {
    x: clamp(Math.floor((zoom.x + fx / zoom.k) * width), 0, width - 1),
    y: clamp(Math.floor((zoom.y + fy / zoom.k) * height), 0, height - 1),
  };
}

/** The rectangle that holds both pixels. */
export function between(a: Point, b: Point): Region {
  return {
    x0: Math.min(a.x, b.x),
    y0: Math.min(a.y, b.y),
    x1: Math.max(a.x, b.x) + 1,
    y1: Math.max(a.y, b.y) + 1,
  };
}

/** A region of the picture in the pixels of a map that may be coarser. */
export function scaleRegion(r: Region, fx: number, fy: number): Region {
  return {
    x0: Math.round(r.x0 * fx),
    y0: Math.round(r.y0 * fy),
    x1: Math.round(r.x1 * fx),
    y1: Math.round(r.y1 * fy),
  };
}
