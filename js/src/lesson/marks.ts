/** What a reader marks: boxes [x0, y0, x1, y1] and strokes of a brush [side, x, y, x, y, …]. */

import { painted } from "../masking/brush";
import type { Region } from "../wire";

export type Shapes = number[][];

/** A region as a shape. */
export const boxOf = ({ x0, y0, x1, y1 }: Region): number[] => [x0, y0, x1, y1];

/** A shape as a stroke: a box is a square that is drawn along the box's longer side. */
function stroke(shape: number[]): number[] {
  if (shape.length !== 4) return shape;
  const [x0, y0, x1, y1] = shape;
  const [wide, high] = [x1 - x0, y1 - y0];
  const side = Math.min(wide, high);
  const longer = Math.max(wide, high);
  const out = [side];
  for (let at = 0; ; at = Math.min(at + side, longer - side)) {
    out.push(x0 + (wide > high ? at : 0) + (side >> 1), y0 + (wide > high ? 0 : at) + (side >> 1));
    if (at === longer - side) return out;
  }
}

/** Marked pixels as levels: 1 where there is a mark, 2 elsewhere. */
export const levels = (shapes: Shapes, width: number, height: number): Uint8Array =>
  painted(shapes.map(stroke), width, height);

/** The pixels that are marked, as 1 and 0. Python's `marked` does the same. */
export const marked = (shapes: Shapes, width: number, height: number): Uint8Array =>
  levels(shapes, width, height).map((level) => 2 - level);

/** Intersection over union of two sets of pixels. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += +(a[i] > 0 && b[i] > 0);
    either += +(a[i] > 0 || b[i] > 0);
  }
  return both / either;
}
