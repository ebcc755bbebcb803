/**
 * Parts in a row, each an element that wears marks: the tokens of a text (tokens.ts), the columns of a table
 * (bars.ts).
 *
 * Here is what both share: what the row is for a screen reader, the painter's numbers, which parts are true
 * or hidden, and who listens. All of it ends with `signal`.
 */

import {
  computed,
  effect,
  signal as local,
  type ReadonlySignal,
  type Signal,
} from "@preact/signals";
import type { Point } from "../geometry";
import type { Painter } from "../painter";
import type { Store } from "../store";
import type { Token } from "../wire";
import type { StageOptions } from "./stage";

/** Values, their colours, and the magnitude that has the full colour. */
export interface Ink {
  v: Float32Array;
  colours: Uint32Array;
  limit: number;
}

export interface Row {
  parts: ReadonlySignal<Token[]>;
  /** An element for each part; the view makes them. */
  elements: Signal<HTMLElement[]>;
  /** Whether this is about another input than the one on screen. */
  apart: ReadonlySignal<boolean>;
  /** The read-out of a part, and whether it is hidden. */
  words(at: Point): string;
  /** Draw what the painter found, null before it did, and again whenever that changes. */
  draw(paint: (ink: Ink | null) => void): void;
  /** Give the parts for which `which` holds a class. */
  mark(name: string, which: () => (i: number) => unknown): void;
  follow(run: () => void): void;
  listen<K extends keyof HTMLElementEventMap>(
    type: K,
    run: (event: HTMLElementEventMap[K]) => void,
  ): void;
}

export function mountRow(
  host: HTMLElement,
  kind: "text" | "table",
  store: Store,
  painter: Painter,
  { sheet, label, ...options }: StageOptions,
  signal: AbortSignal,
): Row {
  host.className = `xw-${kind}`;
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-roledescription", kind);
  host.setAttribute("aria-label", label);

  const parts = computed(() => options.tokens?.() ?? store.scene.value?.tokens ?? []);
  const elements = local<HTMLElement[]>([]);
  const apart = computed(() => Boolean(options.apart?.()));
  const hidden = computed(() => {
    const veil = sheet.veil?.();
    return (i: number) => veil && veil.levels[i] <= veil.at !== veil.flip;
  });

  const undo = [painter.add(sheet)];
  const follow = (run: () => void): void => void undo.push(effect(run));
  const mark: Row["mark"] = (name, which) =>
    follow(() => {
      const holds = which();
      elements.value.forEach((one, i) => {
        one.classList.toggle(`xw-${name}`, Boolean(holds(i)));
      });
    });
  mark("gone", () => hidden.value);
  mark("true", () => {
    const masks = store.display.value.truth && !apart.value ? store.scene.value?.masks : [];
    const known = masks?.map(({ mask }) => store.values(mask));
    return (i) => known?.some((mask) => mask[i] > 0);
  });
  signal.addEventListener("abort", () => {
    for (const stop of undo) stop();
    host.textContent = "";
  });

  return {
    parts,
    elements,
    apart,
    words: (at) => options.words(at) + (hidden.value(at.x) ? ", hidden" : ""),
    draw(paint) {
      let ink: Ink | null = null;
      sheet.ink = (v, colours, limit) => {
        ink = { v, colours, limit };
        paint(ink);
      };
      follow(() => {
        if (!sheet.array()) ink = null;
        paint(ink);
        painter.ask();
      });
    },
    mark,
    follow,
    listen: (type, run) => host.addEventListener(type, run, { signal }),
  };
}
