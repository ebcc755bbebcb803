/** Calls that wait for a hand to rest. */

/**
 * Run after `rest` ms without a call, and no later than `most` ms after the first one. With `eager`
 * the first call after a rest runs at once, so that a single step waits for nothing.
 */
export function settle<A extends unknown[]>(
  rest: number,
  most: number,
  signal: AbortSignal,
  run: (...args: A) => void,
  eager = false,
): (...args: A) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting: A | undefined;
  let first = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const pause = (wait: number): void => {
    timer = setTimeout(() => {
      timer = undefined;
      if (!waiting) return;
      const args = waiting;
      waiting = undefined;
      begin();
      run(...args);
    }, wait);
  };
  const begin = (): void => {
    first = Date.now();
    if (eager) pause(rest);
  };
  return (...args) => {
    if (timer === undefined) {
      begin();
      if (eager) {
        run(...args);
        return;
      }
    }
    waiting = args;
    clearTimeout(timer);
    pause(Math.max(0, Math.min(rest, first + most - Date.now())));
  };
}
