/** What a view knows of masking: Python's traits as signals, and a hand that may be ahead of them. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Model, Requests } from "../requests";
import { settle } from "../timing";
import {
  DEFAULT_MASKING,
  type Filled,
  type HeatmapAnswer,
  type MaskCurves,
  type MaskScores,
  type MaskSettings,
  type Scene,
  type Array as WireArray,
} from "../wire";
import { painted } from "./brush";
import { cut, type Veil } from "./masks";

export interface Masking {
  settings: ReadonlySignal<MaskSettings>;
  scores: ReadonlySignal<MaskScores | null>;
  curves: ReadonlySignal<MaskCurves | null>;
  /** Whether the plot is unfolded. */
  plotted: Signal<boolean>;
  /** Whether maps lie over the masked pictures. */
  maps: Signal<boolean>;
  /** The panel that is pointed at, here or in the plot. */
  lit: Signal<string>;
  /** Side of the brush in pixels; 0 while it rests in its box. */
  brush: Signal<number>;
  set(change: Partial<MaskSettings>): void;
  /** What hides a panel's picture. */
  veil(answer: HeatmapAnswer | null): Veil | null;
  /** What the brush hides of the input. */
  paint: ReadonlySignal<Veil | null>;
}

interface Needs {
  requests: Requests;
  closed: AbortSignal;
  follow(name: string, take: () => void): void;
  scene: ReadonlySignal<Scene | null>;
  pixels(array: WireArray): Uint32Array;
  bytes(array: WireArray): Uint8Array;
}

/** Python writes {} for "not there yet". */
const filled = <T>(value: unknown): T | null =>
  value && Object.keys(value).length ? (value as T) : null;

export function createMasking(model: Model, needs: Needs): Masking {
  const { requests, closed, follow, scene, pixels, bytes } = needs;
  function trait<T>(name: string): Signal<T | null> {
    const at = signal(filled<T>(model.get(name)));
    follow(name, () => {
      at.value = filled<T>(model.get(name));
    });
    return at;
  }
  const read = () => (model.get("masking_settings") ?? DEFAULT_MASKING) as MaskSettings;
  const settings = signal(read());
  let ahead = false; // the reader has moved on from what Python knows
  follow("masking_settings", () => {
    if (!ahead) settings.value = read();
  });
  const send = settle(
    80,
    250,
    closed,
    async () => {
      const mine = settings.peek();
      const { ok } = await requests.ask("set_masking", { masking: mine }, "masking");
      if (settings.peek() !== mine) return;
      ahead = false;
      if (!ok) settings.value = read();
    },
    true,
  );

  const from = trait<Filled>("filled");
  const behind = computed(() => {
    const picture = from.value?.picture;
    return picture ? pixels(picture) : null;
  });
  /** Nothing can be hidden before the filled picture of this input is there. */
  const ready = computed(
    () => settings.value.on && from.value !== null && from.value.input === scene.value?.index,
  );
  const strokes = computed(() => settings.value.strokes);
  const paint = computed(() => {
    const [height, width] = scene.value?.picture?.shape ?? [0, 0];
    return strokes.value.length ? painted(strokes.value, width, height) : null;
  });
  const curves = trait<MaskCurves>("mask_curves");

  return {
    settings,
    curves,
    scores: trait("mask_scores"),
    plotted: signal(Boolean(curves.peek()?.lines.length)),
    maps: signal(false),
    lit: signal(""),
    brush: signal(0),
    set(change) {
      ahead = true;
      const before = settings.peek();
      settings.value = { ...before, ...change, turn: before.turn + 1 };
      send();
    },
    veil(answer) {
      if (!ready.value || !answer?.levels || answer.input !== scene.value?.index) return null;
      return { levels: bytes(answer.levels), ...cut(settings.value), filled: behind.value };
    },
    paint: computed(() => {
      const { spares } = settings.value;
      if (!ready.value || !paint.value) return null;
      return { levels: paint.value, at: 1, flip: spares, filled: behind.value };
    }),
  };
}
