/** All units of a layer as cards; only those in sight are on the page. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { clamp } from "../geometry";
import { percent } from "../numbers";
import { colourOf } from "../ui/series";
import type { ConceptCard } from "../wire";
import type { DissectStore, Sheet } from "./store";
import { Kernel, Tile } from "./tile";

const CARD = 132;
const ROW = 176;
const GAP = 8;
const TILES = 4;

export function UnitGrid({ store, sheet }: { store: DissectStore; sheet: Sheet }) {
  const box = useRef<HTMLDivElement>(null);
  const name = useMemo(() => `xw-${Math.random().toString(36).slice(2)}`, []);
  const columns = useSignal(4);
  const from = useSignal(0);
  const tall = useSignal(480);
  const listed = store.listed.value;
  const chosen = listed.indexOf(store.unit.value);

  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const measure = (): void => {
      const { clientWidth: wide, clientHeight: high } = host;
      if (!wide) return; // not laid out yet
      columns.value = Math.max(2, Math.floor((wide + GAP) / (CARD + GAP)));
      tall.value = high;
    };
    const resized = new ResizeObserver(measure);
    resized.observe(host);
    measure();
    return () => resized.disconnect();
  }, []);
  useEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [sheet, store.order.value, store.search.value, store.kind.value]);
  useEffect(() => {
    const host = box.current;
    if (!host || chosen < 0) return;
    const top = Math.floor(chosen / columns.peek()) * ROW;
    host.scrollTop = clamp(host.scrollTop, top + ROW - host.clientHeight, top);
  }, [sheet, store.unit.value]);

  const rows = Math.ceil(listed.length / columns.value);
  const first = Math.max(0, Math.floor(from.value / ROW) - 1);
  const last = Math.min(rows, Math.ceil((from.value + tall.value) / ROW) + 1);
  const shown = listed.slice(first * columns.value, last * columns.value);

  return (
    <div
      class="xw-units"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={`Units of ${sheet.layer}`}
      aria-activedescendant={chosen < 0 ? undefined : `${name}-${store.unit.value}`}
      onKeyDown={(event) => store.walk(event, columns.value)}
      onScroll={(event) => {
        from.value = event.currentTarget.scrollTop;
      }}
    >
      {listed.length === 0 && <p class="xw-muted">No unit fits this search.</p>}
      <div
        class="xw-cards"
        style={`height:${rows * ROW}px;padding-top:${first * ROW}px;--xw-columns:${columns.value}`}
      >
        {shown.map((unit) => (
          <Card
            key={unit}
            {...{ store, sheet, unit }}
            id={`${name}-${unit}`}
            chosen={unit === store.unit.value}
          />
        ))}
      </div>
    </div>
  );
}

function Card(props: {
  store: DissectStore;
  sheet: Sheet;
  unit: number;
  id: string;
  chosen: boolean;
}) {
  const { store, sheet, unit } = props;
  const silent = store.values(sheet.silent)[unit] > 0;
  const filters = store.face.value === "filters" ? sheet.filters : undefined;
  const tiles = filters?.colours ? 1 : TILES;
  return (
    <button
      type="button"
      class={`xw-unit ${silent && !filters ? "xw-silent" : ""}`}
      role="option"
      tabIndex={-1}
      id={props.id}
      aria-selected={props.chosen}
      onClick={() => store.select(unit)}
    >
      <span class={`xw-tiles ${tiles === 1 ? "xw-alone" : ""}`}>
        {Array.from({ length: tiles }, (_, rank) =>
          filters ? (
            <Kernel key={`w${rank}`} {...{ store, sheet, unit, rank }} />
          ) : (
            <Tile key={rank} {...{ store, sheet, unit, rank }} />
          ),
        )}
      </span>
      <span class="xw-unit-name">
        <b>{unit}</b> <Name store={store} sheet={sheet} unit={unit} silent={silent} />
      </span>
    </button>
  );
}

/** What a unit detects, or how often it speaks. */
function Name(props: { store: DissectStore; sheet: Sheet; unit: number; silent: boolean }) {
  const { store, sheet, unit, silent } = props;
  const label = store.labelOf(unit);
  if (silent) return <span class="xw-muted">silent</span>;
  if (!label) {
    return <span class="xw-muted">active {percent(store.values(sheet.active)[unit])}</span>;
  }
  const { card, iou, detector } = label;
  return (
    <span class={detector ? "" : "xw-muted"} title={`${card.name}: IoU ${iou.toFixed(3)}`}>
      <Kind store={store} category={detector ? card.category : ""} />
      {shortName(card)} {iou.toFixed(2)}
    </span>
  );
}

/** The mark of a category. */
export function Kind({ store, category }: { store: DissectStore; category: string }) {
  const number = store.categories.value.indexOf(category);
  return <i class="xw-kind" style={number < 0 ? "" : colourOf(number)} />;
}

/** A concept without its category, which has a mark of its own. */
export const shortName = ({ name, category }: ConceptCard): string =>
  name.startsWith(`${category}:`) && !/:\d+$/.test(name) ? name.slice(category.length + 1) : name;
