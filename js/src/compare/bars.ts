/**
 * A row of a table: what stands in its columns, and a bar for what each is worth.
 *
 * The counterpart of a stage for pictures. The crosshair is a column, so that all panels read the same one;
 * columns stand by size, each panel in an order of its own, or as they do in the table.
 */

import { computed, effect } from "@preact/signals";
import { DIMMED } from "../display";
import { clamp } from "../geometry";
import { digits } from "../numbers";
import type { Painter } from "../painter";
import type { Store } from "../store";
import type { Token } from "../wire";
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
  const { sheet, words, label } = options;
  const { cross, unfolded, display } = store;
  const make = (parent: HTMLElement, name: string, tag = "span"): HTMLElement => {
    const made = document.createElement(tag);
    made.className = `xw-${name}`;
    return parent.appendChild(made);
  };
  host.className = "xw-table";
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-roledescription", "table");
  host.setAttribute("aria-label", label);
  const list = make(host, "columns", "div");
  const axis = document.createElement("div");
  axis.className = "xw-column xw-axis";
  const more = make(host, "more", "button");
  const told = make(host, "read", "p");

  const cells = computed<Token[]>(() => options.tokens?.() ?? store.scene.value?.tokens ?? []);
  let lines: HTMLElement[] = [];
  let order: number[] = [];
  let ink: { v: Float32Array; colours: Uint32Array; limit: number } | null = null;

  /** Put the columns in their order, as many as are shown. */
  function arrange(): void {
    const { value } = display;
    const every = inOrder(
      ink?.v ?? { length: lines.length },
      Boolean(ink) && value.order === "size",
    );
    const left = every.length - FIRST;
    const folds = ink && left > 1; // a line that says "1 more" is as long as the one
    order = folds && !unfolded.value ? every.slice(0, FIRST) : every;
    more.hidden = !folds;
    more.textContent = unfolded.value ? `Only the first ${FIRST}` : `${left} more columns`;
    list.replaceChildren(...order.map((i) => lines[i]), ...(ink ? [axis] : []));
  }

  function paint(): void {
    host.classList.toggle("xw-inked", Boolean(ink));
    arrange();
    if (!ink) return;
    const { v, colours, limit } = ink;
    const { low } = store.scaleOf(sheet.sign?.() ?? display.peek().sign);
    host.style.setProperty("--xw-zero", `${at(0, limit, low)}%`);
    const palette = store.palette.peek();
    const error = options.error?.();
    const about = error ? store.values(error) : null;
    lines.forEach((line, i) => {
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
      const [left, right] = [at(v[i] - spread, limit, low), at(v[i] + spread, limit, low)];
      whisker.style.left = `${left}%`;
      whisker.style.width = `${right - left}%`;
    });
    const most = digits(limit);
    const ends = low ? [`−${most}`, "0", most] : ["0", most];
    axis.replaceChildren();
    const track = make(axis, "ends");
    for (const end of ends) make(track, "end").textContent = end;
  }
  sheet.ink = (v, colours, limit) => {
    ink = { v, colours, limit };
    paint();
  };

  const undo = [
    painter.add(sheet),
    effect(() => {
      lines = cells.value.map(({ name, piece }, i) => {
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
      paint();
    }),
    effect(() => {
      if (!sheet.array()) ink = null;
      void [display.value, unfolded.value, options.error?.()];
      paint();
      painter.ask();
    }),
    effect(() => {
      const veil = sheet.veil?.();
      void cells.value;
      lines.forEach((line, i) => {
        line.classList.toggle("xw-gone", Boolean(veil && veil.levels[i] <= veil.at !== veil.flip));
      });
    }),
    effect(() => {
      const here = cross.value;
      const cell = here && cells.value[here.x];
      lines.forEach((line, i) => {
        line.classList.toggle("xw-here", i === here?.x);
      });
      told.textContent = cell ? `${cell.name} = ${cell.piece}   ${words(here)}` : "";
    }),
    effect(() => {
      const masks = display.value.truth ? (store.scene.value?.masks ?? []) : [];
      const known = masks.map(({ mask }) => store.values(mask));
      void cells.value;
      lines.forEach((line, i) => {
        line.classList.toggle(
          "xw-true",
          known.some((mask) => mask[i] > 0),
        );
      });
    }),
  ];

  const listen = <K extends keyof HTMLElementEventMap>(
    type: K,
    run: (event: HTMLElementEventMap[K]) => void,
  ): void => host.addEventListener(type, run, { signal });
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

  signal.addEventListener("abort", () => {
    for (const stop of undo) stop();
    host.textContent = "";
  });
}
