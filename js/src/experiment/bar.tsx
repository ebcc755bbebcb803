/** A slider and switches that take every panel through an experiment, and what is left of each map. */

import { useSignal } from "@preact/signals";
import { Knob } from "../controls/knob";
import type { Store } from "../store";
import { Button, Slider } from "../ui/parts";
import type { Experiment } from "../wire";
import { LikenessPlot } from "./plot";

const UNSEEN = "this page holds no map for it: run the notebook to see it";
const IN_SIGHT = 2;

export function ExperimentBar({ store }: { store: Store }) {
  const { walk } = store;
  const unfolded = useSignal(false);
  const card = walk.card.value;
  if (!card) return null;
  const { steps, beside, switches, knobs, slider, title } = card;
  const now = walk.key.value;
  const at = steps.findIndex(({ key }) => key === now) + 1;
  const problem = store.problems.value.experiment;
  const shown = unfolded.value ? knobs : knobs.slice(0, IN_SIGHT);
  return (
    <section class="xw-walk" aria-label={title}>
      {switches !== "any" && (
        <Slider
          label={slider}
          help={card.hint}
          low={0}
          high={steps.length}
          step={1}
          value={at}
          text={at ? `${walk.label(now)}, ${at} of ${steps.length}` : walk.label(now)}
          onInput={(next) => walk.pick(steps[next - 1]?.key ?? "")}
        />
      )}
      {shown.map((knob) => (
        <Knob
          key={knob.name}
          knob={knob}
          value={card.settings[knob.name]}
          layers={store.about.value.layers}
          disabled={!store.about.value.live}
          problem={store.problems.value[`experiment.${knob.name}`] ?? ""}
          closed={store.closed}
          onSend={(value) =>
            store.ask("set_experiment", { knob: knob.name, value }, `experiment.${knob.name}`)
          }
        />
      ))}
      {knobs.length > IN_SIGHT && (
        <Button
          icon="knobs"
          label="More settings of the experiment"
          pressed={unfolded.value}
          onClick={() => {
            unfolded.value = !unfolded.value;
          }}
        />
      )}
      {(switches || beside.length > 0) && <Switches store={store} card={card} at={at} />}
      <LikenessPlot store={store} card={card} />
      <Progress store={store} />
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

/** The names that are off at a step. */
function offAt({ switches, names, joined }: Experiment, now: string, at: number): boolean[] {
  const set = now.split(joined);
  return names.map((name, i) =>
    switches === "cascade" ? i < at : switches === "single" ? i === at - 1 : set.includes(name),
  );
}

/** The step that one switch leads to. */
function turned({ switches, names, joined, steps }: Experiment, off: boolean[], i: number): string {
  if (switches === "any") return names.filter((_, k) => off[k] !== (k === i)).join(joined);
  const at = switches === "cascade" ? i + Number(!off[i]) : off[i] ? 0 : i + 1;
  return steps[at - 1]?.key ?? "";
}

function Switches({ store, card, at }: { store: Store; card: Experiment; at: number }) {
  const { walk } = store;
  const { live } = store.about.value;
  const now = walk.key.value;
  const off = offAt(card, now, at);
  const toggle = (name: string, pressed: boolean, to: string, help: string) => {
    const closed = !live && Boolean(to) && !walk.seen(to);
    return (
      <button
        type="button"
        class="xw-toggle"
        key={name}
        aria-pressed={pressed}
        disabled={closed}
        title={closed ? `${name}: ${UNSEEN}` : help}
        onClick={() => walk.pick(to)}
      >
        {name}
      </button>
    );
  };
  return (
    <div class="xw-switches">
      {off.length > 0 && (
        <div class="xw-group" role="group" aria-label={card.slider}>
          {off.map((pressed, i) => {
            const name = card.names[i];
            return toggle(name, pressed, turned(card, off, i), `${card.slider}: ${name}`);
          })}
        </div>
      )}
      {card.beside.length > 0 && (
        <div class="xw-group" role="group" aria-label={`Instead of ${card.origin}`}>
          <span class="xw-muted">or</span>
          {card.beside.map(({ key, label }) =>
            toggle(label, now === key, now === key ? "" : key, `look at ${label} instead`),
          )}
        </div>
      )}
    </div>
  );
}

/** How many maps are there, in a line that stays, so that nothing below it moves. */
function Progress({ store }: { store: Store }) {
  const found = store.walk.walking.value;
  if (!found?.total || !store.about.value.live) return null;
  const { status, done, total } = found;
  const running = status === "running";
  return (
    <div class="xw-drawing">
      {running && (
        <div class="xw-track" role="progressbar" aria-valuenow={Math.round((100 * done) / total)}>
          <i style={{ width: `${(100 * done) / total}%` }} />
        </div>
      )}
      <span class="xw-muted">
        {status === "done" ? `all ${total} maps are there` : `${done} of ${total} maps`}
      </span>
      {status !== "done" && (
        <Button
          label={running ? "Make no map that is not asked for" : "Make the maps that are missing"}
          text={running ? "Stop" : "Fill in the rest"}
          onClick={() => store.ask(running ? "stop_steps" : "fill_steps", {}, "experiment")}
        />
      )}
    </div>
  );
}
