/** What came of every method in a blind comparison: the same as Python's `standings`. */

export interface Standing {
  name: string;
  /** How often it was trusted first. */
  first: number;
  /** Its mean place; maps that a vote leaves out share the places behind those it names. */
  place: number;
}

export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** `names` are those behind the letters of each picture, `votes` letters by picture. */
export function standings(
  names: Record<string, string[]>,
  votes: Record<string, string>,
): Standing[] {
  const places = new Map<string, number[]>();
  for (const [index, vote] of Object.entries(votes)) {
    const own = names[index] ?? [];
    const behind = (vote.length + 1 + own.length) / 2;
    own.forEach((name, i) => {
      const at = vote.indexOf(LETTERS[i]);
      places.set(name, [...(places.get(name) ?? []), at < 0 ? behind : at + 1]);
    });
  }
  return [...places]
    .map(([name, all]) => ({
      name,
      first: all.filter((place) => place === 1).length,
      place: all.reduce((a, b) => a + b, 0) / all.length,
    }))
    .sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1));
}
