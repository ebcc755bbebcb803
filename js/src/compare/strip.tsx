/** The inputs, one small picture each, with filters by class and by right or wrong. */

import { computed, type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Store } from "../store";
import { fadeEnds } from "../ui/fade";
import { Icon, Segments } from "../ui/parts";
import { Picture } from "../ui/picture";
import type { StripItem } from "../wire";

export type Verdict = "all" | "right" | "wrong";

/** Positions of the inputs that pass both filters. */
export function passing(strip: StripItem[], verdict: Verdict, name: string): number[] {
  return [...strip.keys()].filter((i) => {
    const { right, truth, predicted } = strip[i];
    const fits = verdict === "all" || right === (verdict === "right");
    return fits && (!name || truth === name || predicted === name);
  });
}

/** Every class that the strip knows, in alphabetical order. */
export function classesIn(strip: StripItem[]): string[] {
  const names = strip.flatMap(({ truth, predicted }) => [predicted, ...(truth ? [truth] : [])]);
  return [...new Set(names)].sort();
}

/** What stands for an input: its thumbnail, how a text begins, or what a row is called. */
function Begin({ item: { thumb, name }, table }: { item: StripItem; table: boolean }) {
  if (thumb) return <Picture array={thumb} />;
  return table ? <b>{name}</b> : <q>{name}</q>;
}

export function StripView({ store }: { store: Store }) {
  const verdict: Signal<Verdict> = useSignal("all");
  const name = useSignal("");
  const classes = useMemo(() => computed(() => classesIn(store.strip.value)), []);
  const list = useRef<HTMLDivElement>(null);
  const strip = store.strip.value;
  const chosen = store.scene.value?.index ?? -1;
  useEffect(() => {
    const option = list.current?.querySelector<HTMLElement>("[aria-selected=true]");
    const box = list.current;
    if (option && box) box.scrollLeft = option.offsetLeft - box.clientWidth / 2;
  }, [chosen]);
  useEffect(() => (list.current ? fadeEnds(list.current) : undefined), [strip.length]);
  if (strip.length < 2) return null;

  const shown = passing(strip, verdict.value, name.value);
  const judged = strip.some(({ right }) => right !== null);
  const count = (which: Verdict): number => passing(strip, which, "").length;
  const pick = (index: number): void => void store.ask("select_input", { index });
  return (
    <div class="xw-strip">
      <div class="xw-filters">
        {judged && (
          <Segments
            label="Show inputs"
            value={verdict.value}
            choices={[
              ["all", `All ${count("all")}`],
              ["right", `Right ${count("right")}`],
              ["wrong", `Wrong ${count("wrong")}`],
            ]}
            onPick={(value) => {
              verdict.value = value;
            }}
          />
        )}
        <select
          class="xw-select"
          aria-label="Show inputs of class"
          value={name.value}
          onChange={(event) => {
            name.value = event.currentTarget.value;
          }}
        >
          <option value="">every class</option>
          {classes.value.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <div
        class="xw-film"
        ref={list}
        role="listbox"
        aria-label="Inputs"
        aria-orientation="horizontal"
        tabIndex={0}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          const next = by ? shown[shown.indexOf(chosen) + by] : undefined;
          if (!by) return;
          event.preventDefault();
          if (next !== undefined) pick(next);
        }}
      >
        {shown.map((i) => (
          <button
            type="button"
            key={i}
            role="option"
            tabIndex={-1}
            aria-selected={i === chosen}
            title={strip[i].name}
            onClick={() => pick(i)}
          >
            <Begin item={strip[i]} table={store.table.value} />
            <span class={strip[i].right === false ? "xw-wrong" : "xw-right"}>
              {strip[i].right !== null && <Icon name={strip[i].right ? "check" : "close"} />}
              {strip[i].predicted}
            </span>
          </button>
        ))}
        {shown.length === 0 && <p class="xw-muted">No input passes both filters.</p>}
      </div>
    </div>
  );
}
