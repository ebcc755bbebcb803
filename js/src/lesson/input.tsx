/** The picture that is asked about, on which a hand may mark, and what the network says of it. */

import { computed, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Hand, mountPicture } from "../compare/stage";
import type { Point } from "../geometry";
import { percent } from "../numbers";
import type { Painter, Sheet } from "../painter";
import { levels, type Shapes } from "./marks";
import type { LessonStore } from "./store";

const TINT = [255, 176, 0]; // amber, as the outline of a mark

/** A picture under a tint. */
export function tinted(picture: Uint32Array): Uint32Array {
  return picture.map((colour) => {
    const mixed = TINT.map((tint, c) => (((colour >> (8 * c)) & 255) + tint) >> 1);
    return 0xff000000 | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0];
  });
}

interface Props {
  store: LessonStore;
  painter: Painter;
  label: string;
  /** What is marked, and its pixels, where marks can be made. */
  shapes?(): Shapes;
  inside?: ReadonlySignal<Uint8Array | null>;
  hand?: Hand;
}

export function Input({ store, painter, label, shapes, inside, hand }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const veil = useMemo(() => {
    const amber = computed(() => {
      const picture = store.scene.value?.picture;
      return picture ? tinted(store.pixels(picture)) : null;
    });
    return computed(() => {
      const made = shapes?.() ?? [];
      if (!made.length) return null;
      const [width, height] = store.size.value;
      return { levels: levels(made, width, height), at: 1, flip: false, filled: amber.value };
    });
  }, []);
  useEffect(() => {
    const closed = new AbortController();
    const sheet: Sheet = {
      array: () => null,
      picture: () => store.scene.value?.picture ?? null,
      veil: () => veil.value,
      marked: () => inside?.value ?? null,
    };
    const options = {
      label,
      words: ({ x, y }: Point) => `(${x}, ${y})`,
      sheet,
      touch: Boolean(hand),
      ...(hand ? { hand } : {}),
    };
    if (host.current) mountPicture(host.current, store, painter, options, closed.signal);
    return () => closed.abort();
  }, []);
  return (
    <div>
      <div class="xw-stage" ref={host} />
      <Says store={store} />
    </div>
  );
}

function Says({ store }: { store: LessonStore }) {
  const scene = store.scene.value;
  if (!scene) return null;
  const { name, predictions, truth, note } = scene;
  const [first] = [...predictions].sort((a, b) => b.logit - a.logit);
  return (
    <div class="xw-says">
      <p class="xw-name">{name}</p>
      {first && predictions.length > 1 && (
        <p class="xw-muted">
          the network says <b>{first.name}</b> ({percent(first.probability)})
          {truth !== null && (truth === first.name ? ", and it is" : `; it is ${truth}`)}
        </p>
      )}
      {note && <p class="xw-note">{note}</p>}
    </div>
  );
}
