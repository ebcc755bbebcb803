/** Things in a row, of which one is chosen, by mouse or by arrow keys; it scrolls to the chosen one. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { fadeEnds } from "./fade";

export function Reel(props: {
  label: string;
  /** The numbers of the things, in their order. */
  shown: number[];
  chosen: number;
  title(i: number): string;
  onPick(i: number): void;
  children(i: number): ComponentChildren;
  /** Said where there is nothing to choose. */
  none?: string;
}) {
  const { label, shown, chosen, title, onPick, none } = props;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const option = list.current?.querySelector<HTMLElement>("[aria-selected=true]");
    const box = list.current;
    if (option && box) box.scrollLeft = option.offsetLeft - box.clientWidth / 2;
  }, [chosen]);
  useEffect(() => (list.current ? fadeEnds(list.current) : undefined), []);
  return (
    <div
      class="xw-film"
      ref={list}
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      tabIndex={0}
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = by ? shown[shown.indexOf(chosen) + by] : undefined;
        if (!by) return;
        event.preventDefault();
        if (next !== undefined) onPick(next);
      }}
    >
      {shown.map((i) => (
        <button
          type="button"
          key={i}
          role="option"
          tabIndex={-1}
          aria-selected={i === chosen}
          title={title(i)}
          onClick={() => onPick(i)}
        >
          {props.children(i)}
        </button>
      ))}
      {shown.length === 0 && <p class="xw-muted">{none}</p>}
    </div>
  );
}
