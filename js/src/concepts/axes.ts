/** A plane of pictures: what its axes say, and where on them a picture lies. */

import type { ConceptCell, ConceptChoice, ConceptGrid, ConceptsAbout } from "../wire";

/** A concept at a layer: how far along it pictures lie, or how their score changes towards it. */
export interface Axis extends ConceptChoice {
  quantity: "along" | "slopes";
}

/** Every axis that there can be, and why its concept has no score where that is so. */
export const axesOf = (cells: readonly ConceptCell[]): [Axis, string][] =>
  (["along", "slopes"] as const).flatMap((quantity) =>
    cells.map(({ concept, layer, refusal }): [Axis, string] => [
      { quantity, concept, layer },
      refusal,
    ]),
  );

/** The axes to begin with: the chosen concept and the next; alone, what it does to the score. */
export function usual(cells: readonly ConceptCell[], at: ConceptChoice): [Axis, Axis] {
  const { concept, layer } = at;
  const other = cells.find((one) => one.layer === layer && one.concept !== concept)?.concept;
  return [
    { quantity: "along", concept, layer },
    { quantity: other ? "along" : "slopes", concept: other ?? concept, layer },
  ];
}

/** An axis as the value of an option, and back. */
export const keyOf = ({ quantity, concept, layer }: Axis): string =>
  JSON.stringify([quantity, concept, layer]);
export function axisOf(key: string): Axis {
  const [quantity, concept, layer] = JSON.parse(key);
  return { quantity, concept, layer };
}

/** An axis in few words. */
export const nameOf = ({ quantity, concept, layer }: Axis): string =>
  `${quantity === "along" ? "along" : "score towards"} ${concept} at ${layer}`;

/** What an axis says, with its unit. */
export function titleOf(axis: Axis, { output }: ConceptsAbout, { target }: ConceptGrid): string {
  const { quantity, concept, layer } = axis;
  return quantity === "along"
    ? `${concept} at ${layer}, in units of activation`
    : `change of the ${output} of ${target} per unit towards ${concept} at ${layer}`;
}

export interface Scale {
  ends: [number, number];
  /** Round numbers between the ends. */
  ticks: number[];
}

const TICKS = 6;

/** A scale that holds all values, and 0. */
export function scaleOf(values: Iterable<number>): Scale {
  const known = [...values].filter((value) => !Number.isNaN(value));
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known) || (low ? 0 : 1);
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return { ends: [low, high], ticks: Array.from({ length: count }, (_, i) => (first + i) * step) };
}

/** The pictures that both axes know. */
export const placed = (x: Float32Array, y: Float32Array): number[] =>
  [...x.keys()].filter((i) => !Number.isNaN(x[i]) && !Number.isNaN(y[i]));

/** The picture to go to by an arrow key: the next across, or the next upwards; itself at the end. */
export function onwards(
  key: string,
  pictures: readonly number[],
  now: number,
  x: Float32Array,
  y: Float32Array,
): number | undefined {
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[key];
  if (!by) return undefined;
  const values = key === "ArrowRight" || key === "ArrowLeft" ? x : y;
  const order = [...pictures].sort((a, b) => values[a] - values[b] || a - b);
  return order[order.indexOf(now) + by] ?? now;
}
