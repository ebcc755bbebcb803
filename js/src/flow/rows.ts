/** The rows of a flow as lines: single operations, and blocks that fold theirs. */

import type { FlowRow, FlowTakes } from "../wire";

export type Taker = keyof FlowTakes;

/** The rows `from` ... `to`; a block's own line, which has its name, stands before those of its
 * rows. Where its block begins, or the row itself, is `first`. */
export interface Line {
  from: number;
  to: number;
  first: number;
  block: string;
}

/** What is to be seen while the blocks that begin at the rows in `open` are open. */
export function linesOf(rows: readonly FlowRow[], open: readonly number[]): Line[] {
  const lines: Line[] = [];
  for (let first = 0; first < rows.length; ) {
    const { block } = rows[first];
    let to = first;
    while (block && rows[to + 1]?.block === block) to++;
    if (block) lines.push({ from: first, to, first, block });
    if (!block || open.includes(first)) {
      for (let i = first; i <= to; i++) lines.push({ from: i, to: i, first, block: "" });
    }
    first = to + 1;
  }
  return lines;
}

/** The line on which a row is to be seen: its own, or that of its folded block. */
export const lineOf = (lines: readonly Line[], row: number): number =>
  lines.reduce((found, { from, to }, i) => (from <= row && row <= to ? i : found), 0);

/** Who kept how much, over several rows. */
export function takenBy(rows: readonly FlowRow[]): [Taker, number][] {
  const sums: FlowTakes = {};
  for (const { takes } of rows) {
    for (const by of Object.keys(takes) as Taker[]) sums[by] = (sums[by] ?? 0) + (takes[by] ?? 0);
  }
  return Object.entries(sums) as [Taker, number][];
}

/** Rows with a map, by their numbers. */
export const depthsOf = (rows: readonly FlowRow[]): number[] =>
  [...rows.keys()].filter((i) => rows[i].map);
