/** Calls that wait for a hand to rest. */

/** Run after `rest` ms without a call, and no later than `most` ms after the first one. */
export function settle<A extends unknown[]>(
  rest: number,
  most: number,
  signal: AbortSignal,
  run: (...args: A) => void,
): (...args: A) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let first = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return (...args) => {
    const now = Date.now();
    if (timer === undefined) first = now;
    clearTimeout(timer);
    const wait = Math.max(0, Math.min(rest, first + most - now));
    timer = setTimeout(() => {
      timer = undefined;
      run(...args);
    }, wait);
  };
}
