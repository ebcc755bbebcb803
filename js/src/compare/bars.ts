/**
 * A row of a table: what stands in its columns, and a bar for what each is worth.
 *
 * The counterpart of a stage for pictures. The crosshair is a column, so that all panels read the same one;
 * columns stand by size, each panel in an order of its own, or as they do in the table.
 */

import { DIMMED } from "../display";
import { clamp } from "../geometry";
import { digits } from "../numbers";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { type Ink, mountRow } from "./row";
import type { StageOptions } from "./stage";

/** How many columns a panel shows before it is unfolded. */
const FIRST = 12;
/** Places in the colour map of what speaks for the target, and of what speaks against it. */
const FOR = 207;
const AGAINST = 48;
const STEPS: Record<string, number> = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

/** The columns from the top down: as in the table, or the largest first, equal ones as in the table. */
export function inOrder(v: ArrayLike<number>, bySize: boolean): number[] {
  const columns = Array.from(v, (_, i) => i);
  return bySize ? columns.sort((a, b) => Math.abs(v[b]) - Math.abs(v[a]) || a - b) : columns;
}

/** Where a number lies, in percent of a track from low · limit to limit. */
export const at = (v: number, limit: number, low: number): number =>
  (100 * (clamp(v / (limit || 1), low, 1) - low)) / (1 - low);

export function mountBars(
  host: HTMLElement,
  store: Store,
  painter: Painter,
  options: StageOptions,
  signal: AbortSignal,
): void {
  const { cross, unfolded, display } = store;
  const row = mountRow(host, "table", store, painter, options, signal);
  const { elements: lines, parts: cells, words, mark, listen } = row;
  const make = (parent: HTMLElement, name: string, tag = "span"): HTMLElement => {
    const made = document.createElement(tag);
    made.className = `xw-${name}`;
    return parent.appendChild(made);
  };
  const list = make(host, "columns", "div");
  const axis = document.createElement("div");
  axis.className = "xw-column xw-axis";
  const more = make(host, "more", "button");
  const told = make(host, "read", "p");
  let order: number[] = [];

  /** Put the columns in their order, as many as are shown. */
  function arrange(ink: Ink | null): void {
    const [bySize, whole] = [display.value.order === "size", unfolded.value];
    const every = inOrder(ink?.v ?? { length: lines.value.length }, bySize && ink !== null);
    const left = every.length - FIRST;
    const folds = ink && left > 1; // a line that says "1 more" is as long as the one
    order = folds && !whole ? every.slice(0, FIRST) : every;
    more.hidden = !folds;
    more.textContent = whole ? `Only the first ${FIRST}` : `${left} more columns`;
    list.replaceChildren(...order.map((i) => lines.value[i]), ...(ink ? [axis] : []));
  }

  row.follow(() => {
    lines.value = cells.value.map(({ name, piece }, i) => {
      const line = document.createElement("div");
      line.className = "xw-column";
      line.dataset.at = String(i);
      line.title = `${name} = ${piece}`;
      make(line, "column-name").textContent = name;
      make(line, "column-has").textContent = piece;
      const track = make(line, "bar-track");
      track.append(document.createElement("i"), document.createElement("u"));
      return line;
    });
  });
  row.draw((ink) => {
    const error = options.error?.();
    host.classList.toggle("xw-inked", Boolean(ink));
    arrange(ink);
    if (!ink) return;
    const { v, colours, limit } = ink;
    const { low } = store.scaleOf(options.sheet.sign?.() ?? display.value.sign);
    host.style.setProperty("--xw-zero", `${at(0, limit, low)}%`);
    const palette = store.palette.value;
    const about = error ? store.values(error) : null;
    lines.value.forEach((line, i) => {
      const colour = palette[v[i] < 0 ? AGAINST : FOR];
      const [from, to] = [Math.min(0, v[i]), Math.max(0, v[i])].map((x) => at(x, limit, low));
      line.classList.toggle("xw-dim", colours[i] === DIMMED);
      line.classList.toggle("xw-cut", Math.abs(v[i]) > limit * 1.001);
      const set = (name: string, value: string): void => line.style.setProperty(name, value);
      set("--xw-from", `${from}%`);
      set("--xw-long", `${to - from}%`);
      set("--xw-of", `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`);
      const whisker = line.querySelector("u") as HTMLElement;
      whisker.hidden = !about;
      const spread = about?.[i] ?? 0;
      const [least, most] = [v[i] - spread, v[i] + spread];
      const [left, right] = [at(least, limit, low), at(most, limit, low)];
      whisker.style.left = `${left}%`;
      whisker.style.width = `${right - left}%`;
      // one that goes on behind the scale's end has no end there
      whisker.classList.toggle("xw-from-before", least < (low - 0.001) * limit);
      whisker.classList.toggle("xw-to-beyond", most > 1.001 * limit);
    });
    const most = digits(limit);
    const ends = low ? [`−${most}`, "0", most] : ["0", most];
    axis.replaceChildren();
    const track = make(axis, "ends");
    for (const end of ends) make(track, "end").textContent = end;
  });
  mark("here", () => {
    const x = cross.value?.x;
    return (i) => i === x;
  });
  row.follow(() => {
    const here = cross.value;
    const cell = here && cells.value[here.x];
    told.textContent = cell ? `${cell.name} = ${cell.piece}   ${words(here)}` : "";
  });

  more.addEventListener("click", () => {
    unfolded.value = !unfolded.peek();
  });
  const point = ({ target }: Event): void => {
    const line = (target as HTMLElement).closest<HTMLElement>("[data-at]");
    const x = Number(line?.dataset.at);
    if (line && cross.peek()?.x !== x) cross.value = { x, y: 0 };
  };
  listen("pointermove", point);
  listen("pointerdown", point);
  listen("pointerleave", () => {
    cross.value = null;
  });
  listen("keydown", (event) => {
    const { key, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !order.length) return;
    const last = order.length - 1;
    const known = cross.peek();
    const from = known ? order.indexOf(known.x) : -1;
    const step = (STEPS[key] ?? 0) * (shiftKey ? 10 : 1);
    const ends: Record<string, number> = { Home: 0, End: last };
    const next = ends[key] ?? (step ? (from < 0 ? 0 : clamp(from + step, 0, last)) : -1);
    if (next >= 0) {
      const here = { x: order[next], y: 0 };
      cross.value = here;
      const { name, piece } = cells.peek()[here.x];
      store.spoken.value = `${name} is ${piece}, ${next + 1} of ${order.length}: ${words(here)}`;
    } else if (key === "Escape" && known) cross.value = null;
    else return; // the root takes Escape as "leave"
    event.preventDefault();
    event.stopPropagation();
  });
}
