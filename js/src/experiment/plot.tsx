/** How alike each panel's map is to the origin's, step by step: the mean over draws in its band. */

import { colourOf, dashOf, path, Swatch } from "../masking/curves";
import type { Store } from "../store";
import type { Experiment, Mark, PanelCard } from "../wire";

export const say = (value: number): string => value.toFixed(2).replace("-", "−");

/** A value with the interval of its draws. */
export function interval({ value, low, high }: Mark): string {
  if (value === null) return "–";
  const [from, to] = [say(low ?? value), say(high ?? value)];
  return from === to ? say(value) : `${say(value)} [${from}, ${to}]`;
}

interface Point {
  at: number;
  value: number;
  low: number;
  high: number;
}

/** The known points of a panel; a row that has an order begins at the origin, where all is alike. */
function points(store: Store, { steps, switches }: Experiment, panel: string): Point[] {
  const ordered = switches === "" || switches === "cascade";
  const all = store.panels.value;
  // Points without an order stand side by side, so that none hides another.
  const aside = all.length > 1 ? all.findIndex(({ id }) => id === panel) / (all.length - 1) : 0.5;
  const found = ordered ? [{ at: 0, value: 1, low: 1, high: 1 }] : [];
  steps.forEach(({ key }, i) => {
    const { value, low, high } = store.walk.mark(panel, key) ?? { value: null };
    if (value == null) return;
    const at = (ordered ? i + 1 : i + 0.25 + aside / 2) / steps.length;
    found.push({ at, value, low: low ?? value, high: high ?? value });
  });
  return found;
}

export function LikenessPlot({ store, card }: { store: Store; card: Experiment }) {
  const { walk } = store;
  const { lit } = store.masking;
  const { steps, switches, settings, origin } = card;
  const ordered = switches === "" || switches === "cascade";
  const panels = store.panels.value;
  const lines: [PanelCard, Point[]][] = panels.map((panel) => [
    panel,
    points(store, card, panel.id),
  ]);
  const bottom = Math.min(0, ...lines.flatMap(([, line]) => line.map(({ low }) => low)));
  const place = (value: number): number => ((1 - value) / (1 - bottom)) * 100;
  const now = walk.key.value;
  const at = steps.findIndex(({ key }) => key === now) + 1;
  const across = ordered ? at / steps.length : (at - 0.5) / steps.length;
  /** The band of a line; of points without an order, a bar each. */
  const band = (line: Point[]): string => {
    const xs = line.map((point) => point.at);
    if (ordered) {
      const [lows, highs] = [line.map(({ low }) => low), line.map(({ high }) => high)];
      return `${path(xs, lows, place)}${path([...xs].reverse(), highs.reverse(), place).replace("M", "L")}Z`;
    }
    return line.map((p) => `M${p.at * 100} ${place(p.low)}V${place(p.high) + 0.01}`).join("");
  };
  const curve = (line: Point[]): string =>
    ordered
      ? path(
          line.map((p) => p.at),
          line.map((p) => p.value),
          place,
        )
      : line.map((p) => `M${p.at * 100} ${place(p.value)}h0.01`).join("");
  const pick = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * steps.length;
    const step = ordered ? Math.round(part) : Math.ceil(part);
    const key = steps[step - 1]?.key ?? "";
    const open = store.about.value.live || !key || walk.seen(key);
    if (key !== walk.key.peek() && open) walk.pick(key);
  };
  const dim = (id: string): string => (lit.value && lit.value !== id ? "xw-dim" : "");
  return (
    <div class={`xw-kept ${ordered ? "" : "xw-points"}`}>
      <div class="xw-axes">
        <div class="xw-ys" aria-hidden="true">
          <span>1</span>
          <span>{bottom < 0 ? bottom.toFixed(1).replace("-", "−") : "0"}</span>
        </div>
        <div
          class="xw-area"
          onPointerDown={pick}
          onPointerMove={(event) => {
            if (event.buttons & 1) pick(event);
          }}
        >
          <svg
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            role="img"
            aria-label={`similarity (${settings.measure}) at every step; the list has the numbers`}
          >
            {lines.map(([{ id, slot }, line]) => (
              <path
                key={`${id} band`}
                class={`xw-spread ${dim(id)}`}
                style={colourOf(slot)}
                d={line.some(({ low, high }) => low < high) ? band(line) : ""}
              />
            ))}
            {lines.map(([{ id, slot }, line]) => (
              <path
                key={id}
                class={`xw-curve ${dim(id)}`}
                style={`${colourOf(slot)};stroke-dasharray:${ordered ? dashOf(slot) : "none"}`}
                d={curve(line)}
              />
            ))}
          </svg>
          {(at > 0 || (!now && ordered)) && (
            <i class="xw-now" style={{ left: `${across * 100}%` }} />
          )}
        </div>
        <div class="xw-xs" aria-hidden="true">
          <span>{ordered ? origin : steps[0]?.label}</span>
          <span>similarity ({String(settings.measure)})</span>
          <span>{steps.at(-1)?.label}</span>
        </div>
      </div>
      <ul class="xw-left">
        {panels.map(({ id, slot, title }) => {
          const mark = walk.mark(id, now);
          return (
            <li
              key={id}
              class={lit.value === id ? "xw-lit" : ""}
              onPointerEnter={() => {
                lit.value = id;
              }}
              onPointerLeave={() => {
                lit.value = "";
              }}
            >
              <Swatch slot={slot} />
              <span>{title}</span> <b>{now ? (mark ? interval(mark) : "…") : "1.00"}</b>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
