/** A panel's map at the step on screen, beside and as large as the map at the origin. */

import { computed, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Legend } from "../compare/legend";
import { mountStage } from "../compare/stage";
import { readAt } from "../compare/values";
import type { Point } from "../geometry";
import { digits } from "../numbers";
import type { Painter, Sheet } from "../painter";
import type { Store } from "../store";
import { Button } from "../ui/parts";
import type { PanelCard, StepFrame, Array as WireArray } from "../wire";
import { Interval } from "./plot";

/** What is left at the step on screen, and what the whole way says. */
export function Verdict({ store, panel }: { store: Store; panel: string }) {
  const { walk } = store;
  const mark = walk.mark(panel, walk.key.value);
  const verdict = walk.trail(panel)?.verdict ?? "";
  const here = mark && !mark.failed ? mark.words : "";
  const told = here && verdict.startsWith(here.slice(0, -1)); // the verdict speaks of this step
  const card = walk.card.value;
  if (!card) return null;
  return (
    <div class="xw-told">
      {here && !told && <p>{here}</p>}
      {verdict && <p>{verdict}</p>}
      {card.usable && here && <UseStep store={store} panel={panel} at={walk.key.value} />}
    </div>
  );
}

/** Takes a step over as the panel's setting. */
export function UseStep(props: { store: Store; panel: string; at: string; then?(): void }) {
  const { store, panel, at, then } = props;
  if (!store.about.value.live) return null;
  return (
    <Button
      class="xw-framed"
      label="Give the method this value"
      text="Use this"
      onClick={() => {
        then?.();
        void store.ask("use_step", { panel, key: at }, panel);
      }}
    />
  );
}

interface Props {
  store: Store;
  painter: Painter;
  panel: PanelCard;
  picture(): WireArray | null;
}

export function StepView({ store, painter, panel, picture }: Props) {
  const { walk } = store;
  const { id, slot, title } = panel;
  const host = useRef<HTMLDivElement>(null);
  const view = useMemo(() => {
    let last: StepFrame | undefined; // stays, dimmed, until the next one is there
    const here = computed(() => {
      const answer = store.answers[slot].value;
      return answer ? walk.film(id, answer.request)[walk.key.value] : undefined;
    });
    const array = computed(() => {
      if (!walk.key.value) return null;
      last = here.value ?? last;
      return last?.map ?? null;
    });
    const value = computed(() => {
      const point = store.cross.value;
      return point && array.value ? readAt(store, array.value, point) : null;
    });
    return { here, array, value, limit: signal(0) };
  }, [slot]);

  useEffect(() => {
    const closed = new AbortController();
    const sheet: Sheet = {
      array: () => view.array.value,
      picture,
      scaled: (limit) => {
        view.limit.value = limit;
      },
    };
    const words = (at: Point): string =>
      view.array.value ? digits(readAt(store, view.array.value, at)) : "";
    const label = `${title} at the step: arrow keys read values`;
    if (host.current)
      mountStage(host.current, store, painter, { label, words, sheet }, closed.signal);
    return () => closed.abort();
  }, [view]);

  const key = walk.key.value;
  const mark = walk.mark(id, key);
  const now = walk.walking.value;
  const waits = Boolean(key) && !view.here.value && !mark?.failed;
  const mine = waits && now?.panel === id && now.key === key;
  return (
    <div class={`xw-step ${waits ? "xw-stale" : ""}`} aria-busy={waits}>
      <p class="xw-caption" title={walk.label(key)}>
        <span>{key ? (view.here.value?.label ?? walk.label(key)) : ""}</span>
        {mark && !mark.failed && <Interval mark={mark} />}
      </p>
      <div class="xw-frame">
        <div class="xw-stage" ref={host} hidden={!key} />
        {!key && (
          <div class="xw-empty" style={{ aspectRatio: store.size.value.join("/") }}>
            {walk.card.value?.hint}
          </div>
        )}
        {waits && (
          <div class="xw-progress" role="progressbar" aria-valuenow={mine ? now.progress * 100 : 0}>
            <i style={{ width: `${Math.max(2, (mine ? now.progress : 0) * 100)}%` }} />
          </div>
        )}
        {mark?.failed && <div class="xw-failed">{mark.words}</div>}
      </div>
      {key && view.array.value && (
        <Legend
          store={store}
          limit={view.limit}
          value={view.value}
          sign={store.display.value.sign}
        />
      )}
    </div>
  );
}
