/** Python's traits as signals. */

import { type Signal, signal } from "@preact/signals";
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
