/**
 * A text with what lies on it: colours, the token in hand, a range, the true region, a read-out.
 *
 * The counterpart of a stage for pictures. The crosshair is a token, so that all panels read the same one;
 * an answer that is held for another text keeps a hand of its own.
 */

import { signal as local } from "@preact/signals";
import { DIMMED } from "../display";
import { between, clamp, type Point } from "../geometry";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { mountRow } from "./row";
import type { StageOptions } from "./stage";

/** What a token is called where it shows nothing of its own, such as the end of a letter. */
const UNSEEN = "·";
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
const LINES: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

/** How much of the paper a token's colour covers: nothing where there is no relevance. */
export const cover = (v: number, limit: number): number =>
  limit > 0 ? Math.sqrt(Math.min(1, Math.abs(v) / limit)) : 0;

/** The token whose middle is nearest, one line up or down. */
function across(spans: HTMLElement[], from: number, by: number): number {
  const { offsetTop: top, offsetLeft: left } = spans[from];
  const beyond = spans.filter((span) => (span.offsetTop - top) * by > 0);
  const line = Math.min(...beyond.map((span) => span.offsetTop * by)) * by;
  const there = beyond.filter(({ offsetTop }) => offsetTop === line);
  there.sort((a, b) => Math.abs(a.offsetLeft - left) - Math.abs(b.offsetLeft - left));
  return there.length ? spans.indexOf(there[0]) : from;
}

export function mountTokens(
  host: HTMLElement,
  store: Store,
  painter: Painter,
  options: StageOptions,
  signal: AbortSignal,
): void {
  const { region } = store;
  const row = mountRow(host, "text", store, painter, options, signal);
  const { elements: spans, parts: tokens, apart, words, mark, listen } = row;
  const running = host.appendChild(document.createElement("p"));
  const told = host.appendChild(document.createElement("p"));
  told.className = "xw-read";

  const own = local<Point | null>(null);
  const cross = () => (apart.value ? own : store.cross);

  row.follow(() => {
    const made = tokens.value.map(({ name, piece, special }, i) => {
      const span = document.createElement("span");
      span.className = special ? "xw-token xw-special" : "xw-token";
      span.dataset.at = String(i);
      span.textContent = piece || UNSEEN;
      if (name !== piece) span.title = name;
      return span;
    });
    running.replaceChildren(...tokens.value.flatMap(({ gap }, i) => [gap, made[i]]));
    spans.value = made;
  });
  row.draw((ink) => {
    const { opacity } = store.display.value;
    host.classList.toggle("xw-inked", Boolean(ink));
    spans.value.forEach((span, i) => {
      const colour = ink?.colours[i] ?? DIMMED;
      const share = ink && colour !== DIMMED ? opacity * cover(ink.v[i], ink.limit) : 0;
      const rgb = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
      span.style.setProperty("--xw-ink-at", `${(100 * share).toFixed(1)}%`);
      span.style.setProperty("--xw-of", `rgb(${rgb.join(" ")})`);
    });
  });
  mark("here", () => {
    const x = cross().value?.x;
    return (i) => i === x;
  });
  mark("in", () => {
    const area = apart.value ? null : region.value;
    return (i) => area && i >= area.x0 && i < area.x1;
  });
  row.follow(() => {
    const at = cross().value;
    const token = at && tokens.value[at.x];
    told.textContent = token ? `${token.name}  ${words(at)}` : "";
  });

  const tokenAt = ({ target }: Event): Point | null => {
    const { at } = (target as HTMLElement).dataset;
    return at === undefined ? null : { x: Number(at), y: 0 };
  };

  let from: Point | null = null;
  let before = region.peek();
  const finish = (): void => {
    if (from && region.peek() !== before) store.keepRegion(region.peek());
    from = null;
  };
  listen("pointerdown", (event) => {
    if (event.button !== 0) return;
    host.focus({ preventScroll: true });
    before = region.peek();
    if (!apart.peek() && event.pointerType !== "touch") from = tokenAt(event);
    cross().value = tokenAt(event);
  });
  listen("pointermove", (event) => {
    const here = tokenAt(event);
    if (here && here.x !== cross().peek()?.x) cross().value = here;
    if (from && here && here.x !== from.x) region.value = between(from, here);
  });
  listen("pointerleave", () => {
    if (!from) cross().value = null;
  });
  addEventListener("pointerup", finish, { signal });
  addEventListener("pointercancel", finish, { signal });

  let corner: Point | null = null;
  listen("blur", () => {
    corner = null;
  });
  listen("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !spans.peek().length) return;
    const known = cross().peek();
    const here = known && spans.peek()[known.x] ? known : { x: 0, y: 0 };
    const step = STEPS[event.key] ?? LINES[event.key];
    if (step) {
      const by = event.shiftKey ? 10 * step : step;
      const x = event.key in LINES ? across(spans.peek(), here.x, step) : here.x + by;
      const next = { x: known ? clamp(x, 0, spans.peek().length - 1) : here.x, y: 0 };
      cross().value = next;
      const { name } = tokens.peek()[next.x];
      store.spoken.value = `token ${next.x + 1} of ${spans.peek().length}, ${name}: ${words(next)}`;
      if (corner) region.value = between(corner, next);
    } else if (event.key === "r" && !apart.peek()) {
      if (corner) store.keepRegion(region.peek());
      else region.value = between(here, here);
      cross().value = here;
      store.spoken.value = corner ? "Range kept." : "Range begun: move with the arrow keys.";
      corner = corner ? null : here;
    } else if (event.key === "Escape") {
      if (corner || region.peek()) store.keepRegion(null);
      else if (known) cross().value = null;
      else return; // the root takes Escape as "leave"
      corner = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
