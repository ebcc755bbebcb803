/** A brush: strokes are [side, x, y, x, y, …], squares of that side around each point. */

import type { Point } from "../geometry";

type Strokes = number[][];

/** Painted pixels as levels: 1 where there is paint, 2 elsewhere. Python's `painted` does the same. */
export function painted(strokes: Strokes, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height).fill(2);
  for (const [side, ...points] of strokes) {
    for (let i = 0; i < points.length; i += 2) {
      const left = points[i] - (side >> 1);
      const top = points[i + 1] - (side >> 1);
      const right = Math.min(width, left + side);
      for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
        out.fill(1, y * width + Math.max(0, left), y * width + right);
      }
    }
  }
  return out;
}

/** A stamp that begins a stroke. */
export const begun = (strokes: Strokes, side: number, { x, y }: Point): Strokes => [
  ...strokes,
  [side, x, y],
];

/** The last stroke drawn on to a point, with stamps close enough to leave no gap. */
export function drawn(strokes: Strokes, { x, y }: Point): Strokes {
  const last = strokes[strokes.length - 1];
  const [x0, y0] = last.slice(-2);
  const steps = Math.ceil(
    (2 * Math.max(Math.abs(x - x0), Math.abs(y - y0))) / Math.max(2, last[0]),
  );
  const longer = [...last];
  for (let i = 1; i <= steps; i++) {
    longer.push(Math.round(x0 + ((x - x0) * i) / steps), Math.round(y0 + ((y - y0) * i) / steps));
  }
  return [...strokes.slice(0, -1), longer];
}
