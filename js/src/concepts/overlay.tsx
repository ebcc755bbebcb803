/** The chosen concept's map over one picture: warm on its side, cold on the other. */

import { useEffect, useRef } from "preact/hooks";
import { put } from "../arrays";
import { ink } from "./ink";
import type { ConceptsStore } from "./store";

export function Overlay({ store, index }: { store: ConceptsStore; index: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const array = store.maps.value?.maps;
  const on = store.overlay.value && Boolean(array);
  const limit = store.limit.value;
  useEffect(() => {
    if (!canvas.current || !array || !on) return;
    const [, height, width] = array.shape;
    const size = height * width;
    put(
      canvas.current,
      ink(store.values(array), index * size, size, limit, store.table.peek()),
      width,
    );
  }, [array, on, limit, index]);
  return <canvas class="xw-over-picture" ref={canvas} hidden={!on} />;
}
