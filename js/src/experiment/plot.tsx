/** How alike each panel's map is to the origin's, step by step: the mean over draws in its band. */

import { path, Swatch } from "../masking/curves";
import type { Store } from "../store";
import { colourOf, dashOf } from "../ui/series";
import type { Experiment, Mark, PanelCard } from "../wire";

export const say = (value: number): string => value.toFixed(2).replace("-", "−");

/** A value with the interval of its draws. */
export function Interval({ mark: { value, low, high } }: { mark: Mark }) {
  if (value === null) return <b>–</b>;
  const [from, to] = [say(low ?? value), say(high ?? value)];
  return (
    <span class="xw-interval">
      <b>{say(value)}</b>
      {from === to ? "" : ` [${from}, ${to}]`}
    </span>
  );
}

interface Point {
  at: number;
  value: number;
  low: number;
  high: number;
}

/** Whether the steps follow one another from the origin, so that a line may join them. */
const isOrdered = ({ switches }: Experiment): boolean => switches === "" || switches === "cascade";

/** Where a step stands in the plot; 0 is the origin. A step without an order has some room. */
const placeOf = (card: Experiment, step: number, aside = 0.5): number =>
  (isOrdered(card) ? step : step - 0.75 + aside / 2) / card.steps.length;

/** The known points of a panel; a row that has an order begins at the origin, where all is alike. */
function points(store: Store, card: Experiment, panel: string): Point[] {
  const all = store.panels.value;
  // Points without an order stand side by side, so that none hides another.
  const aside = all.length > 1 ? all.findIndex(({ id }) => id === panel) / (all.length - 1) : 0.5;
  const found = isOrdered(card) ? [{ at: 0, value: 1, low: 1, high: 1 }] : [];
  card.steps.forEach(({ key }, i) => {
    const { value, low, high } = store.walk.mark(panel, key) ?? { value: null };
    if (value == null) return;
    found.push({ at: placeOf(card, i + 1, aside), value, low: low ?? value, high: high ?? value });
  });
  return found;
}

/** How sure the network is of the explained class at every step; nothing where it answers once. */
function answers(store: Store, card: Experiment): Point[] {
  const scene = store.scene.value;
  const [explained, against] = store.target.value.indices;
  if (!scene || against !== undefined) return [];
  const told = [scene, ...card.steps.map(({ key }) => store.walk.scene(scene.index, key))];
  const found = told.flatMap((said, i) => {
    const bar = said?.predictions.find(({ index }) => index === explained);
    if (!bar || (!i && !isOrdered(card))) return [];
    return [
      { at: placeOf(card, i), value: bar.probability, low: bar.probability, high: bar.probability },
    ];
  });
  return told.some((said, i) => i && said) ? found : [];
}

export function LikenessPlot({ store, card }: { store: Store; card: Experiment }) {
  const { walk } = store;
  const { lit } = store.masking;
  const { steps, settings, origin } = card;
  const ordered = isOrdered(card);
  const panels = store.panels.value;
  const lines: [PanelCard, Point[]][] = panels.map((panel) => [
    panel,
    points(store, card, panel.id),
  ]);
  const bottom = Math.min(0, ...lines.flatMap(([, line]) => line.map(({ low }) => low)));
  const place = (value: number): number => ((1 - value) / (1 - bottom)) * 100;
  const now = walk.steady.value;
  const at = steps.findIndex(({ key }) => key === now) + 1;
  const across = placeOf(card, at);
  const sure = answers(store, card);
  const sureAt = sure.find((point) => point.at === across)?.value;
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
            {sure.length > 0 && <path class={`xw-curve xw-sure ${dim("")}`} d={curve(sure)} />}
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
        {sure.length > 0 && (
          <li title="the explained class's probability: does the network's answer hold?">
            <i class="xw-series xw-dotted" />
            <span>the network: {store.target.value.label}</span>{" "}
            <b>{sureAt === undefined ? "…" : say(sureAt)}</b>
          </li>
        )}
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
              <span>{title}</span>{" "}
              {now && mark ? <Interval mark={mark} /> : <b>{now ? "…" : "1.00"}</b>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
