/** Where pictures lie as buttons: a lasso goes around some, arrow keys go from one to another. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Point } from "../geometry";
import { caught, pathOf } from "./lasso";
import type { ConceptsStore } from "./store";

const AIM = 4; // pixels that a hand may slip without drawing

/** The buttons in it say which picture they are by `data-picture`. */
export function Field(props: {
  store: ConceptsStore;
  class: string;
  label: string;
  /** The button to go to by a key from the `now`-th of all. */
  next(key: string, all: HTMLElement[], now: number): HTMLElement | undefined;
  children: ComponentChildren;
}) {
  const { store } = props;
  const box = useRef<HTMLDivElement>(null);
  const line = useSignal<Point[]>([]);
  const lassoing = store.tool.value === "lasso";

  const at = (event: PointerEvent): Point => {
    const host = box.current as HTMLElement;
    const { left, top } = host.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top + host.scrollTop };
  };
  const buttons = (): HTMLElement[] => [
    ...(box.current?.querySelectorAll<HTMLElement>("button") ?? []),
  ];

  const begin = (event: PointerEvent): void => {
    if (!lassoing || event.button !== 0) return;
    line.value = [at(event)];
  };
  const draw = (event: PointerEvent): void => {
    const from = line.value;
    const last = from.at(-1);
    if (!last) return;
    const here = at(event);
    if (Math.hypot(here.x - last.x, here.y - last.y) < AIM) return;
    if (from.length === 1) box.current?.setPointerCapture(event.pointerId);
    line.value = [...from, here];
  };
  const end = (): void => {
    const drawn = line.value;
    line.value = [];
    if (drawn.length < 3) return;
    const all = buttons();
    const boxes = all.map(({ offsetLeft, offsetTop, offsetWidth, offsetHeight }) => ({
      left: offsetLeft,
      top: offsetTop,
      width: offsetWidth,
      height: offsetHeight,
    }));
    const held = caught(drawn, boxes).map((i) => Number(all[i].dataset.picture));
    store.chosen.value = new Set([...store.chosen.peek(), ...held]);
  };
  const press = (event: KeyboardEvent): void => {
    const all = buttons();
    const now = all.indexOf(document.activeElement as HTMLElement);
    const to = now < 0 ? undefined : props.next(event.key, all, now);
    if (!to) return;
    event.preventDefault();
    to.focus();
  };
  return (
    <div
      class={`${props.class} ${lassoing ? "xw-lassoing" : ""}`}
      ref={box}
      role="group"
      aria-label={props.label}
      onPointerDown={begin}
      onPointerMove={draw}
      onPointerUp={end}
      onPointerCancel={end}
      onKeyDown={press}
    >
      {props.children}
      {line.value.length > 1 && (
        <svg class="xw-lasso" aria-hidden="true">
          <path d={pathOf(line.value)} />
        </svg>
      )}
    </div>
  );
}
