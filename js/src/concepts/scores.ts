/** What scores of concepts say: where they lie on a scale, and in words. */

import { digits, percent } from "../numbers";
import type { ConceptCell, ConceptGrid, ConceptMeasureName } from "../wire";

/** The ends of the scale of one layer: shares lie between 0 and 1, magnitudes around 0. */
export function ends(cells: readonly ConceptCell[], measure: ConceptMeasureName): [number, number] {
  if (measure === "score") return [0, 1];
  const sizes = cells.flatMap(({ refusal, magnitude: { value, low, high, random, ...m } }) => [
    ...random,
    m.random_low ?? 0,
    m.random_high ?? 0,
    ...(refusal ? [] : [value, low ?? 0, high ?? 0]),
  ]);
  const most = Math.max(...sizes.map(Math.abs), 0) || 1;
  return [-most, most];
}

/** Where a value lies on a scale, in percent, kept inside of it. */
export const place = (value: number, [low, high]: readonly [number, number]): number =>
  100 * Math.min(1, Math.max(0, (value - low) / (high - low)));

/** A score as a number: a share in percent, a magnitude with its sign. */
export const spelt = (value: number, measure: ConceptMeasureName): string =>
  measure === "score" ? percent(value) : `${value > 0 ? "+" : ""}${digits(value)}`;

/** How seldom chance lies as far out. */
export const chance = (p: number | null): string =>
  p === null ? "no p" : p < 1e-4 ? "p < 0.0001" : `p = ${p.toPrecision(2)}`;

/** One cell in words, for a reader and for a screen reader. */
export function told(cell: ConceptCell, measure: ConceptMeasureName, grid: ConceptGrid): string {
  const where = `${cell.concept} at ${cell.layer}`;
  const apart = `told from random pictures in ${percent(cell.accuracy)} of held-out examples`;
  if (cell.refusal) return `${where}: no score, ${cell.refusal}.`;
  const { value, low, high, random_low, random_high, p, significant } = cell[measure];
  const says = (number: number | null): string => (number === null ? "?" : spelt(number, measure));
  const what =
    measure === "score"
      ? `${spelt(value, measure)} of ${grid.asked} pictures score higher for ${grid.target} towards it`
      : `the score of ${grid.target} ${value > 0 ? "rises" : "falls"} by ${digits(Math.abs(value))} per unit towards it`;
  const counts = significant ? "more than chance" : "no more than chance";
  return (
    `${where}: ${what} (${says(low)} to ${says(high)}); random sets lie between ` +
    `${says(random_low)} and ${says(random_high)}: ${counts} among ${grid.cells.length} questions ` +
    `(${chance(p)}). It is ${apart}.`
  );
}

export type Order = "given" | "likeness" | "slope";

/** The pictures' numbers in an order; those without a value come last. */
export function sorted(values: ArrayLike<number> | null, count: number): number[] {
  const rows = Array.from({ length: count }, (_, i) => i);
  if (!values) return rows;
  const key = (i: number): number =>
    Number.isNaN(values[i]) ? Number.NEGATIVE_INFINITY : values[i];
  return rows.sort((a, b) => key(b) - key(a) || a - b);
}

/** The cell next to one in the grid, by an arrow key; itself at the edge. */
export function beside(
  rows: readonly string[],
  columns: readonly string[],
  at: { concept: string; layer: string },
  key: string,
): { concept: string; layer: string } {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (!move) return at;
  const go = (all: readonly string[], one: string, by: number): string =>
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(one) + by))] ?? one;
  return { concept: go(rows, at.concept, move[0]), layer: go(columns, at.layer, move[1]) };
}
