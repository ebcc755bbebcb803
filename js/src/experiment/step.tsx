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
import { Button, Missing } from "../ui/parts";
import type { PanelCard, Token, Array as WireArray } from "../wire";
import { Interval } from "./plot";

/** What is left at a step, and what the whole way says. */
function Verdict({ store, panel, at }: { store: Store; panel: string; at: string }) {
  const { walk } = store;
  const mark = walk.mark(panel, at);
  const verdict = walk.trail(panel)?.verdict ?? "";
  const here = mark && !mark.failed ? mark.words : "";
  const told = here && verdict.startsWith(here.slice(0, -1)); // the verdict speaks of this step
  return (
    <div class="xw-told">
      {here && !told && <p>{here}</p>}
      {verdict && <p>{verdict}</p>}
      {walk.card.value?.usable && here && <UseStep {...{ store, panel, at }} />}
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

/** What stands in a panel: the step on screen, or the one before until its map is there or late. */
interface Shown {
  at: string;
  label: string;
  map?: WireArray | undefined;
}

interface Props {
  store: Store;
  painter: Painter;
  panel: PanelCard;
  /** Whether the map at the origin is being made. */
  busy: boolean;
  picture(at: string): WireArray | null;
  /** Of a text the tokens, and whether it is another than the one on screen. */
  tokens(): Token[] | undefined;
  apart(): boolean;
}

export function StepView({ store, painter, panel, busy, picture, tokens, apart }: Props) {
  const { walk } = store;
  const { id, slot, title } = panel;
  const host = useRef<HTMLDivElement>(null);
  const view = useMemo(() => {
    const here = computed(() => {
      const answer = store.answers[slot].value;
      return answer ? walk.film(id, answer.request)[walk.key.value] : undefined;
    });
    const late = computed(() => walk.late.value || !walk.trail(id));
    let last: Shown = { at: "", label: "" };
    const shown = computed(() => {
      const at = walk.key.value;
      const frame = here.value;
      if (!at || frame || late.value || walk.mark(id, at)?.failed) {
        const map = frame?.map ?? (at ? last.map : undefined);
        last = { at, map, label: frame?.label ?? (at && walk.label(at)) };
      }
      return last;
    });
    const array = computed(() => shown.value.map ?? null);
    const value = computed(() => {
      const point = store.cross.value;
      return point && array.value ? readAt(store, array.value, point) : null;
    });
    return { here, late, shown, array, value, limit: signal(0) };
  }, [slot]);

  useEffect(() => {
    const closed = new AbortController();
    const sheet: Sheet = {
      array: () => view.array.value,
      picture: () => picture(view.shown.value.at),
      scaled: (limit) => {
        view.limit.value = limit;
      },
    };
    const words = (at: Point): string =>
      view.array.value ? digits(readAt(store, view.array.value, at)) : "";
    const label = `${title} at the step: arrow keys read values`;
    const options = { label, words, sheet, tokens, apart };
    if (host.current) mountStage(host.current, store, painter, options, closed.signal);
    return () => closed.abort();
  }, [view]);

  const key = walk.key.value;
  const { at, label } = view.shown.value;
  const mark = walk.mark(id, at);
  const now = walk.walking.value;
  const lacks = Boolean(key) && !view.here.value && !walk.mark(id, key)?.failed;
  const begun = Boolean(walk.trail(id));
  const cancelled = lacks && begun && now?.status === "cancelled";
  const waits = lacks && !cancelled && (begun || busy);
  const late = waits && view.late.value;
  const share = late && now?.panel === id && now.key === key ? now.progress * 100 : 0;
  return (
    <>
      <div class={`xw-step ${waits ? "xw-stale" : ""} ${late ? "" : "xw-soon"}`} aria-busy={waits}>
        <p class="xw-caption" title={label}>
          <span>{label}</span>
          {mark && !mark.failed && <Interval mark={mark} />}
        </p>
        <div class="xw-frame">
          <div class="xw-stage" ref={host} hidden={!at} />
          {!at && (
            <div
              class="xw-empty"
              style={{ aspectRatio: store.row.value ? "" : store.size.value.join("/") }}
            >
              {walk.card.value?.hint}
            </div>
          )}
          {late && (
            <div class="xw-progress" role="progressbar" aria-valuenow={share}>
              <i style={{ width: `${Math.max(2, share)}%` }} />
            </div>
          )}
          {cancelled && (
            <Missing
              words="Cancelled."
              onRetry={() => store.ask("show_step", { key }, "experiment")}
            />
          )}
          {mark?.failed && <Missing words={mark.words} />}
        </div>
        {at && view.array.value && (
          <Legend
            store={store}
            limit={view.limit}
            value={view.value}
            sign={store.display.value.sign}
          />
        )}
      </div>
      <Verdict {...{ store, at }} panel={id} />
    </>
  );
}
