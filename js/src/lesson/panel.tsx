/** One map of a lesson: what it is called, the map itself, and how it lies in the regions. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Legend } from "../compare/legend";
import { mountPicture } from "../compare/stage";
import { readAt } from "../compare/values";
import type { Point } from "../geometry";
import { digits, percent } from "../numbers";
import type { Painter, Sheet } from "../painter";
import { Icon, Missing } from "../ui/parts";
import type { LessonMap, OverlapCard } from "../wire";
import type { LessonStore } from "./store";

interface Props {
  store: LessonStore;
  painter: Painter;
  /** The place of the map in the sheet. */
  place: number;
  /** The pixels that the reader marked. */
  inside?: ReadonlySignal<Uint8Array | null>;
  children?: ComponentChildren;
}

export function MapPanel({ store, painter, place, inside, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const { limit, card, value } = useMemo(() => {
    const card = computed(() => store.sheet.value?.maps[place]);
    const value = computed(() => {
      const [point, map] = [store.cross.value, card.value?.map];
      return point && map ? readAt(store, map, point) : null;
    });
    return { limit: signal(0), card, value };
  }, [place]);
  const one = card.value;
  const label = one ? (one.letter === one.name ? `Map ${one.letter}` : one.name) : "";
  useEffect(() => {
    const closed = new AbortController();
    const map = () => card.value?.map ?? null;
    const sheet: Sheet = {
      array: map,
      picture: () => store.scene.value?.picture ?? null,
      marked: () => inside?.value ?? null,
      scaled: (found) => {
        limit.value = found;
      },
    };
    const words = (at: Point): string => {
      const array = map();
      return array ? digits(readAt(store, array, at)) : "";
    };
    const options = { label: `${label}: arrow keys read values`, words, sheet };
    if (host.current) mountPicture(host.current, store, painter, options, closed.signal);
    return () => closed.abort();
  }, [label]);
  if (!one) return null;
  const told = store.told.value;
  return (
    <section class="xw-panel" aria-label={label}>
      <Title card={one} />
      <div class="xw-frame">
        <div class="xw-stage" ref={host} />
        {one.problem && <Missing words={one.problem} />}
      </div>
      {one.map && (
        <Legend
          store={store}
          limit={limit}
          sign={store.display.value.sign}
          value={value}
          what={told ? undefined : "÷ its largest value"}
        />
      )}
      {told && <Lies store={store} name={one.name} />}
      {children}
      {told && <Facts card={one} />}
    </section>
  );
}

function Title({ card: { name, letter, blurb } }: { card: LessonMap }) {
  const hidden = letter === name;
  return (
    <header>
      {letter && <b class="xw-letter">{letter}</b>}
      {!hidden && (
        <h3 class="xw-heading" title={`${name}: ${blurb}`}>
          {name}
        </h3>
      )}
    </header>
  );
}

function Facts({ card: { facts, warnings } }: { card: LessonMap }) {
  return (
    <div class="xw-facts">
      {facts.map((fact) => (
        <p key={fact}>{fact}</p>
      ))}
      {warnings.map((warning) => (
        <p key={warning} class="xw-warning">
          <Icon name="warn" />
          {warning}
        </p>
      ))}
    </div>
  );
}

const said = (value: number | null, words: (value: number) => string): string =>
  value === null ? "–" : words(value);
/** Whether the highest pixel lies inside; of several equally high ones the share that does. */
const pointed = (value: number): string =>
  value === 1 ? "inside" : value === 0 ? "outside" : percent(value);
export const iou = (value: number): string => value.toFixed(2);

/** What an overlap says, and what the same shape gets by chance, laid anywhere. */
export const MEASURES = [
  {
    label: "evidence",
    help: "evidence inside: the share of the positive values that lies in the region",
    told: ({ share }: OverlapCard) => said(share, percent),
    chance: ({ area }: OverlapCard) => percent(area),
  },
  {
    label: "top IoU",
    help: "the region against as many of the map's highest pixels: shared ÷ covered by either",
    told: (card: OverlapCard) => said(card.iou, iou),
    chance: ({ area }: OverlapCard) => iou(area / (2 - area)),
  },
  {
    label: "peak",
    help: "the pointing game: does the highest pixel lie in the region?",
    told: ({ hit }: OverlapCard) => said(hit, pointed),
    chance: ({ area }: OverlapCard) => percent(area),
  },
] as const;

/** How one map lies in every region: the numbers, and small beside them those of chance. */
function Lies({ store, name }: { store: LessonStore; name: string }) {
  const all = store.overlaps.value[store.index.value] ?? [];
  const mine = all.filter((card) => card.name === name);
  if (!mine.length) return null;
  return (
    <table class="xw-lies">
      <thead>
        <tr>
          <td />
          {mine.map(({ region }) => (
            <th scope="col" key={region} class={region ? "xw-of-truth" : "xw-of-mark"}>
              {region || "your region"}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {MEASURES.map(({ label, help, told, chance }) => (
          <tr key={label}>
            <th scope="row" title={help}>
              {label}
            </th>
            {mine.map((card) => (
              <td key={card.region}>
                {told(card)}{" "}
                <small title="by chance: the same shape, laid anywhere">({chance(card)})</small>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
