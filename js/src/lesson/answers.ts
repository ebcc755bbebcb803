/** The code of a lesson with what a reader did on an exported page: the same as Python writes it. */

import type { Ballot } from "../wire";
import type { Shapes } from "./marks";

export interface Answers {
  marks: Record<string, Shapes>;
  ballots: Record<string, Ballot>;
  revealed: number[];
  /** Whether names are told by themselves once every picture has its vote. */
  blind: boolean;
  /** How many pictures there are. */
  count: number;
}

/** A value as Python spells it. */
const spelt = (value: string | Shapes): string =>
  typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value).replace(/,/g, ", ");

/** One argument, with a value for every picture that has one; of one picture without its number. */
function argument(name: string, of: Record<string, string | Shapes>, count: number): string {
  const told = Object.entries(of).filter(([, value]) => value.length);
  if (!told.length) return "";
  const each = told.map(([index, value]) => `${index}: ${spelt(value)}`).join(", ");
  return `    ${name}=${count === 1 ? spelt(told[0][1]) : `{${each}}`},\n`;
}

export function answers(code: string, { marks, ballots, revealed, blind, count }: Answers): string {
  const part = (key: keyof Ballot) =>
    Object.fromEntries(Object.entries(ballots).map(([index, ballot]) => [index, ballot[key]]));
  const given = [
    argument("marked", marks, count),
    argument("vote", part("vote"), count),
    argument("reason", part("reason"), count),
  ].join("");
  const voted = Object.values(ballots).filter(({ vote }) => vote).length;
  const pictures = blind || count === 1 ? "" : revealed.join(", ");
  const early = revealed.length > 0 && !(blind && voted === count);
  return code
    .replace("⟨ending⟩", early ? `.reveal(${pictures})` : "")
    .replace("⟨answers⟩", () => given);
}
