/** Python's traits as signals. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Model } from "./requests";
import type { Array as WireArray } from "./wire";

/** Python writes {} for "not there yet". */
export function filled<T extends object>(value: unknown): T | null {
  return value && Object.keys(value).length ? (value as T) : null;
}

/** A function of an array off the wire that works only once for each. */
export function once<T>(make: (array: WireArray) => T): (array: WireArray) => T {
  const known = new WeakMap<WireArray, { made: T }>();
  return (array) => {
    const found = known.get(array) ?? { made: make(array) };
    known.set(array, found);
    return found.made;
  };
}

export function onChange(model: Model, closed: AbortSignal, name: string, take: () => void): void {
  model.on(`change:${name}`, take);
  closed.addEventListener("abort", () => model.off(`change:${name}`, take));
}

/** One of Python's traits as a signal. */
export function followTrait<T>(
  model: Model,
  closed: AbortSignal,
  name: string,
  read: (value: unknown) => T = (value) => value as T,
): Signal<T> {
  const at = signal(read(model.get(name)));
  // Arguments of change callbacks differ between hosts, so the value is always read from the model.
  onChange(model, closed, name, () => {
    at.value = read(model.get(name));
  });
  return at;
}

/**
 * What is made of one of Python's traits in some time; null until then, and while there is nothing.
 * `fail` hears why it could not be made.
 */
export function followMade<S extends object, T>(
  model: Model,
  closed: AbortSignal,
  name: string,
  make: (sent: S) => Promise<T>,
  fail: (reason: unknown) => void,
): ReadonlySignal<T | null> {
  const at = signal<T | null>(null);
  let newest = 0;
  const take = async (): Promise<void> => {
    const turn = ++newest;
    const sent = filled<S>(model.get(name));
    const made = sent && (await make(sent));
    if (turn === newest) at.value = made;
  };
  const begin = (): void => void take().catch(fail);
  onChange(model, closed, name, begin);
  begin();
  return at;
}
