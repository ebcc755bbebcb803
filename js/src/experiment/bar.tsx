/** Switches that let the network forget, over every panel, and how much of each map is left. */

import { Swatch } from "../masking/curves";
import type { Store } from "../store";
import { Slider } from "../ui/parts";
import type { HeatmapAnswer, PanelCard } from "../wire";

const LATER: Record<string, string> = {
  "top down": "from the output down",
  "bottom up": "from the input up",
  "one at a time": "one block at a time",
};

export function SanityBar({ store }: { store: Store }) {
  const found = store.experiment.value;
  if (!found) return null;
  const { stages, others, mode, modes, measure, measures } = found;
  const { live } = store.about.value;
  const all = [...stages, ...others];
  const at = store.stage.value;
  const pick = (stage: number): void => {
    store.stage.value = stage;
  };
  /** Whether a block has forgotten at the stage that is on screen. */
  const gone = (i: number): boolean =>
    at < stages.length && (mode === "one at a time" ? i === at : i <= at);
  const words =
    at < 0
      ? "the network as it was trained"
      : at >= stages.length
        ? `the network "${all[at]}"`
        : mode === "one at a time"
          ? `${stages[at]} has forgotten`
          : `${at + 1} of ${stages.length} blocks have forgotten`;
  const ask = (change: Record<string, string>): void => {
    void store.ask("set_experiment", change, "experiment");
  };
  const select = (label: string, value: string, choices: string[], name: string) => (
    <select
      class="xw-select"
      aria-label={label}
      title={label}
      value={value}
      disabled={!live}
      onChange={(event) => ask({ [name]: event.currentTarget.value })}
    >
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {LATER[choice] ?? choice}
        </option>
      ))}
    </select>
  );
  const problem = store.problems.value.experiment;
  return (
    <section class="xw-sanity" aria-label="Sanity">
      <Slider
        label="Forget"
        help="drag: the network forgets one block after the other, and every map is its map then"
        low={-1}
        high={stages.length - 1}
        step={1}
        value={Math.min(at, stages.length - 1)}
        text={words}
        onInput={pick}
      />
      {select("How the network forgets", mode, modes, "mode")}
      {select("How maps are compared", measure, measures, "measure")}
      <div class="xw-switches" role="group" aria-label="Blocks">
        {all.map((name, i) => (
          <button
            type="button"
            class="xw-toggle"
            key={name}
            aria-pressed={i < stages.length ? gone(i) : i === at}
            title={i < stages.length ? `let ${name} forget` : `look at the network "${name}"`}
            onClick={() =>
              pick(i === at ? i - (mode === "one at a time" || i >= stages.length ? i + 1 : 1) : i)
            }
          >
            {name}
          </button>
        ))}
      </div>
      <Kept store={store} names={all} cascade={stages.length} measure={measure} />
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

/** The similarity that is left at every stage, a line for every panel. */
function Kept(props: { store: Store; names: string[]; cascade: number; measure: string }) {
  const { store, names, cascade, measure } = props;
  const numbers = (answer: HeatmapAnswer | null): (number | null)[] =>
    names.map((name) => answer?.frames?.find(({ label }) => label === name)?.number ?? null);
  const lines: [PanelCard, (number | null)[]][] = store.panels.value.map((panel) => [
    panel,
    numbers(store.answers[panel.slot].value),
  ]);
  const known = lines.flatMap(([, line]) => line).filter((value) => value !== null);
  if (!known.length) return null;
  const bottom = Math.min(0, ...known);
  const across = (i: number): number => (i / cascade) * 100;
  const down = (value: number): number => ((1 - value) / (1 - bottom)) * 100;
  const path = (line: (number | null)[]): string =>
    line
      .slice(0, cascade)
      .reduce(
        (d, value, i) => (value === null ? d : `${d}L${across(i + 1)} ${down(value)}`),
        "M0 0",
      );
  const at = store.stage.value;
  return (
    <div class="xw-kept">
      <div class="xw-axes">
        <div class="xw-ys" aria-hidden="true">
          <span>1</span>
          <span>{bottom < 0 ? bottom.toFixed(1).replace("-", "−") : "0"}</span>
        </div>
        <div class="xw-area">
          <svg
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            role="img"
            aria-label={`similarity (${measure}) while blocks forget; the list has the numbers`}
          >
            {lines.map(([{ id, slot }, line]) => (
              <path
                key={id}
                class="xw-curve"
                style={`--xw-series:var(--xw-c${slot % 8});stroke-dasharray:${slot % 8 < 5 ? "none" : "7 3"}`}
                d={path(line)}
              />
            ))}
          </svg>
          {at < cascade && <i class="xw-now" style={{ left: `${across(at + 1)}%` }} />}
        </div>
        <div class="xw-xs" aria-hidden="true">
          <span>trained</span>
          <span>similarity to the trained map ({measure})</span>
          <span>{names[cascade - 1]}</span>
        </div>
      </div>
      <ul class="xw-left">
        {lines.map(([{ id, slot, title }, line]) => (
          <li key={id}>
            <Swatch slot={slot} /> <span>{title}</span>{" "}
            <b>{at < 0 ? "1.00" : (line[at]?.toFixed(2).replace("-", "−") ?? "–")}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
