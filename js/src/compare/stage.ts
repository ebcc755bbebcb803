/**
 * A picture with what lies on it: map, contours, crosshair, region, read-out; or a text (tokens.ts), or a
 * row of a table (bars.ts).
 *
 * Crosshair, zoom and region belong to the view and not to one stage, so all stages move together.
 * Nothing here is redrawn by the component tree: a moved pointer writes a few styles and that is all.
 */

import { effect } from "@preact/signals";
import type { Easel } from "../easel";
import { between, clamp, type Point, pan, pixelAt, WHOLE, zoomAt } from "../geometry";
import type { Painter, Sheet } from "../painter";
import type { Store } from "../store";
import type { Token, Array as WireArray } from "../wire";
import { mountBars } from "./bars";
import { mountTokens } from "./tokens";

export interface Hand {
  /** Side of the square that is stamped; 0 while the hand rests. */
  side(): number;
  /** Stamp at a pixel; `fresh` begins a stroke. */
  stamp(at: Point, fresh: boolean): void;
}

export interface StageOptions {
  label: string;
  /** Words of the read-out at a pixel of the picture. */
  words(at: Point): string;
  /** Canvases are filled in here. */
  sheet: Sheet;
  /** Whether the map is left out for now. */
  bare?(): boolean;
  /** What the pointer and the space bar do instead of drawing a region. */
  hand?: Hand;
  /** Whether a finger draws as a mouse does, and does not scroll. */
  touch?: boolean;
  /** Of a text the tokens, of a table the cells, where they are not those on screen. */
  tokens?(): Token[] | undefined;
  /** The standard error of the map, where there is one. */
  error?(): WireArray | null;
  /** Whether this is about another input than the one on screen. */
  apart?(): boolean;
}

function child<K extends keyof HTMLElementTagNameMap>(parent: HTMLElement, tag: K, name: string) {
  const element = document.createElement(tag);
  element.className = `xw-${name}`;
  return parent.appendChild(element);
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const PAGES: Record<string, number> = { PageUp: -1, PageDown: 1 };

export function mountStage(
  host: HTMLElement,
  store: Store,
  painter: Painter,
  options: StageOptions,
  signal: AbortSignal,
): void {
  const parts = store.table.peek() ? mountBars : mountTokens;
  if (store.row.peek()) parts(host, store, painter, options, signal);
  else mountPicture(host, store, painter, options, signal);
}

export function mountPicture(
  host: HTMLElement,
  store: Easel,
  painter: Painter,
  options: StageOptions,
  signal: AbortSignal,
): void {
  const { sheet, words, hand } = options;
  const { cross, region, zoom } = store;
  const lens = child(host, "div", "lens");
  const picture = child(lens, "canvas", "picture");
  const map = child(lens, "canvas", "map");
  const over = child(host, "canvas", "over");
  const frame = child(host, "i", "region");
  const lineX = child(host, "i", "line-x");
  const lineY = child(host, "i", "line-y");
  const pill = child(host, "span", "pill");
  sheet.canvas = map;
  sheet.under = picture;
  sheet.over = over;
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-roledescription", "picture");
  host.setAttribute("aria-label", options.label);

  const size = (): [number, number] => store.size.peek();
  const at = (event: MouseEvent): Point => {
    const box = host.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  const pixel = (event: MouseEvent): Point => {
    const { x, y } = at(event);
    return pixelAt(zoom.peek(), x, y, ...size());
  };
  const speak = (point: Point): void => {
    store.spoken.value = `x ${point.x}, y ${point.y}: ${words(point)}`;
  };

  const undo = [
    painter.add(sheet),
    effect(() => {
      const [width, height] = store.size.value;
      host.style.aspectRatio = `${width}/${height}`;
      picture.hidden = !sheet.picture?.();
      void sheet.veil?.();
      painter.ask();
    }),
    effect(() => {
      const array = sheet.array();
      const { opacity } = store.display.value;
      map.style.opacity = String(opacity);
      map.hidden = !array || Boolean(options.bare?.());
      painter.ask();
    }),
    effect(() => {
      const { k, x, y } = zoom.value;
      lens.style.transform = `scale(${k}) translate(${-x * 100}%,${-y * 100}%)`;
      const pixelated = (host.clientWidth * k) / store.size.value[0] >= 2.5;
      lens.classList.toggle("xw-pixelated", pixelated);
    }),
    effect(() => {
      const [width, height] = store.size.value;
      const { k, x, y } = zoom.value;
      const side = hand?.side() ?? 0;
      const point = cross.value;
      host.classList.toggle("xw-brushing", side > 0);
      frame.classList.toggle("xw-brush", side > 0);
      const [left, top] = point ? [point.x - (side >> 1), point.y - (side >> 1)] : [0, 0];
      const square = point && { x0: left, y0: top, x1: left + side, y1: top + side };
      const area = side ? square : region.value;
      frame.hidden = !area;
      if (!area) return;
      const { style } = frame;
      style.left = `${(area.x0 / width - x) * k * 100}%`;
      style.top = `${(area.y0 / height - y) * k * 100}%`;
      style.width = `${((area.x1 - area.x0) / width) * k * 100}%`;
      style.height = `${((area.y1 - area.y0) / height) * k * 100}%`;
    }),
    effect(() => {
      const point = cross.value;
      lineX.hidden = lineY.hidden = pill.hidden = !point;
      if (!point) return;
      const [width, height] = store.size.value;
      const { k, x, y } = zoom.value;
      const left = ((point.x + 0.5) / width - x) * k;
      const top = ((point.y + 0.5) / height - y) * k;
      lineX.style.left = `${left * 100}%`;
      lineY.style.top = `${top * 100}%`;
      pill.textContent = words(point);
      pill.classList.toggle("xw-away", left < 0.5 && top > 0.75);
    }),
  ];
  const resized = new ResizeObserver(() => {
    zoom.value = { ...zoom.peek() };
    painter.ask();
  });
  resized.observe(host);
  signal.addEventListener("abort", () => {
    resized.disconnect();
    for (const stop of undo) stop();
    host.textContent = "";
  });

  // By mouse: drag draws a region, or moves a picture that is zoomed; shift always draws.
  let from: Point | null = null;
  let grip: Point | null = null;
  let painting = false;
  let before = region.peek();
  const listen = <K extends keyof HTMLElementEventMap>(
    type: K,
    run: (event: HTMLElementEventMap[K]) => void,
  ): void => host.addEventListener(type, run, { signal, passive: false });

  listen("pointerdown", (event) => {
    if (event.button !== 0) return;
    host.focus({ preventScroll: true });
    if (hand?.side()) {
      host.setPointerCapture(event.pointerId);
      painting = true;
      cross.value = pixel(event);
      hand.stamp(pixel(event), true);
      return;
    }
    if (event.pointerType === "touch" && zoom.peek().k === 1 && !options.touch) return;
    host.setPointerCapture(event.pointerId);
    if (zoom.peek().k > 1 && !event.shiftKey) grip = at(event);
    else from = pixel(event);
    before = region.peek();
  });
  listen("pointermove", (event) => {
    const here = pixel(event);
    const known = cross.peek();
    if (here.x !== known?.x || here.y !== known.y) cross.value = here;
    if (painting) {
      if (here.x !== known?.x || here.y !== known.y) hand?.stamp(here, false);
    } else if (grip) {
      const now = at(event);
      zoom.value = pan(zoom.peek(), now.x - grip.x, now.y - grip.y);
      grip = now;
    } else if (from && (here.x !== from.x || here.y !== from.y)) {
      region.value = between(from, here);
    }
  });
  const finish = (): void => {
    if (from && region.peek() !== before) store.keepRegion(region.peek());
    from = grip = null;
    painting = false;
  };
  listen("pointerup", finish);
  listen("pointercancel", finish);
  listen("pointerleave", () => {
    if (!from && !grip && !painting) cross.value = null;
  });
  listen("dblclick", () => {
    zoom.value = WHOLE;
  });
  listen("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { x, y } = at(event);
    zoom.value = zoomAt(zoom.peek(), Math.exp(-event.deltaY * 0.01), x, y);
  });

  // By keyboard: the same, one pixel at a time.
  let corner: Point | null = null;
  listen("blur", () => {
    corner = null;
  });
  listen("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [width, height] = size();
    const here = cross.peek() ?? { x: width >> 1, y: height >> 1 };
    const step = STEPS[event.key];
    if (step) {
      const by = event.shiftKey ? 10 : 1;
      const next = {
        x: Math.min(width - 1, Math.max(0, here.x + step[0] * by)),
        y: Math.min(height - 1, Math.max(0, here.y + step[1] * by)),
      };
      cross.value = cross.peek() ? next : here;
      speak(cross.peek() as Point);
      if (corner) region.value = between(corner, next);
    } else if (event.key in PAGES && store.depth.peek() > 1) {
      const last = store.depth.peek() - 1;
      const slice = clamp(store.display.peek().slice + PAGES[event.key], 0, last);
      store.show?.({ slice });
      store.spoken.value = `Slice ${slice} (0 to ${last}).`;
    } else if (event.key === " " && hand?.side()) {
      cross.value = here;
      hand.stamp(here, true);
      store.spoken.value = `Stamped at x ${here.x}, y ${here.y}.`;
    } else if (event.key === "r") {
      if (corner) store.keepRegion(region.peek());
      else region.value = between(here, here);
      cross.value = here;
      store.spoken.value = corner ? "Region kept." : "Region begun: move with the arrow keys.";
      corner = corner ? null : here;
    } else if ("+=-0".includes(event.key)) {
      const { k, x, y } = zoom.peek();
      const fx = ((here.x + 0.5) / width - x) * k;
      const fy = ((here.y + 0.5) / height - y) * k;
      const factor = event.key === "-" ? 1 / 1.5 : 1.5;
      zoom.value = event.key === "0" ? WHOLE : zoomAt(zoom.peek(), factor, fx, fy);
    } else if (event.key === "Escape") {
      if (corner || region.peek()) store.keepRegion(null);
      else if (cross.peek()) cross.value = null;
      else return; // the root takes Escape as "leave"
      corner = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
