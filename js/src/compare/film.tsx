/** A strip of small maps, of which the panel shows the chosen one. */

import { useEffect, useRef } from "preact/hooks";
import { thin } from "../arrays";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { fadeEnds } from "../ui/fade";
import type { Array as WireArray } from "../wire";

export interface Picture {
  key: string;
  label: string;
  map: WireArray | undefined;
  title?: string;
  disabled?: boolean;
  /** A number that belongs to it. */
  note?: string | undefined;
}

export function Film(props: {
  store: Store;
  painter: Painter;
  pictures: Picture[];
  chosen: string;
  onPick(key: string): void;
}) {
  const { pictures, chosen, onPick, ...rest } = props;
  const box = useRef<HTMLDivElement>(null);
  const at = pictures.findIndex(({ key }) => key === chosen);
  useEffect(() => (box.current ? fadeEnds(box.current) : undefined), [pictures.length]);
  useEffect(() => {
    const strip = box.current;
    const option = strip?.children[at] as HTMLElement | undefined;
    if (!strip || !option) return;
    strip.scrollLeft = option.offsetLeft + (option.offsetWidth - strip.clientWidth) / 2;
  }, [at]);
  const step = (by: number): void => {
    let to = at + by;
    while (pictures[to]?.disabled) to += by;
    if (pictures[to]) onPick(pictures[to].key);
  };
  return (
    <div
      class="xw-frames"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label="Steps"
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        step(by);
      }}
    >
      {pictures.map(({ key, label, map, title, disabled, note }) => (
        <button
          type="button"
          role="option"
          tabIndex={-1}
          key={key}
          title={title ?? label}
          disabled={disabled ?? false}
          aria-selected={key === chosen}
          onClick={() => onPick(key)}
        >
          {map ? <Thumb {...rest} map={map} /> : <i class="xw-blank" />}
          <span>{label}</span>
          {note !== undefined && <span>{note}</span>}
        </button>
      ))}
    </div>
  );
}

function Thumb({ store, painter, map }: { store: Store; painter: Painter; map: WireArray }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!canvas.current) return;
    const stride = Math.max(1, Math.ceil(map.shape[1] / 48));
    const small = thin(store.values(map), map.shape, stride);
    return painter.add({ canvas: canvas.current, array: () => small, stride });
  }, [map]);
  return <canvas ref={canvas} />;
}
