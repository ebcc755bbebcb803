/** A lasso: a line drawn around things, and which of them it holds. */

import type { Point } from "../geometry";

/** Whether a point lies inside a line that closes itself (even–odd rule). */
export function holds(line: readonly Point[], { x, y }: Point): boolean {
  let inside = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [a, b] = [line[i], line[j]];
    if (a.y > y !== b.y > y && x < a.x + ((b.x - a.x) * (y - a.y)) / (b.y - a.y)) inside = !inside;
  }
  return inside;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The numbers of the boxes whose middle lies inside the line. */
export const caught = (line: readonly Point[], boxes: readonly Box[]): number[] =>
  [...boxes.keys()].filter((i) => {
    const { left, top, width, height } = boxes[i];
    return holds(line, { x: left + width / 2, y: top + height / 2 });
  });

/** The line as an SVG path. */
export const pathOf = (line: readonly Point[]): string =>
  line.length ? `M${line.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}z` : "";
