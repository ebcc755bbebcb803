/** The pictures side by side, in the order of a concept, with its map; a lasso goes around some. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Point } from "../geometry";
import { digits } from "../numbers";
import { Picture } from "../ui/picture";
import { caught, pathOf } from "./lasso";
import { Overlay } from "./overlay";
import type { ConceptsStore } from "./store";

const AIM = 4; // pixels that a hand may slip without drawing

export function Mosaic({ store }: { store: ConceptsStore }) {
  const box = useRef<HTMLDivElement>(null);
  const line = useSignal<Point[]>([]);
  const tool = store.tool.value;
  const order = store.ordered.value;
  const shown = store.scene.value?.index ?? 0;

  const at = (event: PointerEvent): Point => {
    const host = box.current as HTMLElement;
    const { left, top } = host.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top + host.scrollTop };
  };
  const tiles = (): HTMLElement[] => [
    ...(box.current?.querySelectorAll<HTMLElement>("button") ?? []),
  ];

  const begin = (event: PointerEvent): void => {
    if (tool !== "lasso" || event.button !== 0) return;
    line.value = [at(event)];
  };
  const draw = (event: PointerEvent): void => {
    const from = line.value;
    if (!from.length) return;
    const here = at(event);
    const last = from[from.length - 1];
    if (Math.hypot(here.x - last.x, here.y - last.y) < AIM) return;
    if (from.length === 1) box.current?.setPointerCapture(event.pointerId);
    line.value = [...from, here];
  };
  const end = (): void => {
    const drawn = line.value;
    line.value = [];
    if (drawn.length < 3) return;
    const boxes = tiles().map(({ offsetLeft, offsetTop, offsetWidth, offsetHeight }) => ({
      left: offsetLeft,
      top: offsetTop,
      width: offsetWidth,
      height: offsetHeight,
    }));
    const held = caught(drawn, boxes).map((i) => order[i]);
    store.chosen.value = new Set([...store.chosen.peek(), ...held]);
  };
  const press = (event: KeyboardEvent): void => {
    const all = tiles();
    const now = all.indexOf(document.activeElement as HTMLElement);
    const across = all.filter(({ offsetTop }) => offsetTop === all[0]?.offsetTop).length || 1;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (!by || now < 0) return;
    event.preventDefault();
    all[Math.min(all.length - 1, Math.max(0, now + by))]?.focus();
  };
  const pick = (index: number): void => {
    if (tool === "lasso") store.toggle(index);
    else store.look(index);
  };
  return (
    <div
      class={`xw-mosaic ${tool === "lasso" ? "xw-lassoing" : ""}`}
      ref={box}
      role="group"
      aria-label={tool === "lasso" ? "Pictures to choose" : "Pictures"}
      onPointerDown={begin}
      onPointerMove={draw}
      onPointerUp={end}
      onPointerCancel={end}
      onKeyDown={press}
    >
      {order.map((index, i) => (
        <Tile
          key={index}
          {...{ store, index }}
          pressed={tool === "lasso" ? store.chosen.value.has(index) : index === shown}
          first={i === 0}
          onPick={() => pick(index)}
        />
      ))}
      {line.value.length > 1 && (
        <svg class="xw-lasso" aria-hidden="true">
          <path d={pathOf(line.value)} />
        </svg>
      )}
    </div>
  );
}

function Tile(props: {
  store: ConceptsStore;
  index: number;
  pressed: boolean;
  first: boolean;
  onPick(): void;
}) {
  const { store, index, pressed, first, onPick } = props;
  const { name, thumb, predicted, truth } = store.pictures.value[index];
  const cell = store.cell.value;
  const like = cell ? store.values(cell.likeness)[index] : Number.NaN;
  const slope = cell ? store.values(cell.slopes)[index] : Number.NaN;
  const painted = (store.paint.value[index]?.length ?? 0) > 0;
  const says = [
    name,
    truth ?? predicted,
    cell && `likeness ${digits(like)}`,
    !Number.isNaN(slope) && `change of the score ${digits(slope)}`,
    painted && "painted",
  ].filter(Boolean);
  return (
    <button
      type="button"
      class="xw-one"
      aria-pressed={pressed}
      aria-label={says.join(", ")}
      title={says.join(", ")}
      tabIndex={first || pressed ? 0 : -1}
      onClick={onPick}
    >
      <span class="xw-sheet">
        <Picture array={thumb} />
        <Overlay {...{ store, index }} />
      </span>
      <span class="xw-under">
        {cell ? (store.order.value === "slope" ? short(slope) : short(like)) : predicted}
        {painted && <i class="xw-painted" />}
      </span>
    </button>
  );
}

const short = (value: number): string =>
  Number.isNaN(value) ? "–" : `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
