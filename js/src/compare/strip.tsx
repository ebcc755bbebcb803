/** The inputs, one small picture each, with filters by class and by right or wrong. */

import { computed, type Signal, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Store } from "../store";
import { Icon, Segments } from "../ui/parts";
import { Picture } from "../ui/picture";
import { Reel } from "../ui/reel";
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
  const strip = store.strip.value;
  const chosen = store.scene.value?.index ?? -1;
  if (strip.length < 2) return null;

  const shown = passing(strip, verdict.value, name.value);
  const judged = strip.some(({ right }) => right !== null);
  const count = (which: Verdict): number => passing(strip, which, "").length;
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
      <Reel
        label="Inputs"
        shown={shown}
        chosen={chosen}
        title={(i) => strip[i].name}
        onPick={(index) => void store.ask("select_input", { index })}
        none="No input passes both filters."
      >
        {(i) => (
          <>
            <Begin item={strip[i]} table={store.table.value} />
            <span class={strip[i].right === false ? "xw-wrong" : "xw-right"}>
              {strip[i].right !== null && <Icon name={strip[i].right ? "check" : "close"} />}
              {strip[i].predicted}
            </span>
          </>
        )}
      </Reel>
    </div>
  );
}
