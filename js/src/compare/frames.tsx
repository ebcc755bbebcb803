/** The strip below a panel's map: the answer's own, a setting's values, or an experiment's steps. */

import type { Signal } from "@preact/signals";
import { UseStep } from "../experiment/step";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { Button } from "../ui/parts";
import type { PanelCard, PanelSweep } from "../wire";
import { Film, type Picture } from "./film";

/** Which frame of its own answer a panel shows, and which value of the setting that is swept. */
interface Chosen {
  frame: Signal<number>;
  swept: Signal<string>;
}

/** The answer's own strip of maps, that of a sweep, or of an experiment, which all panels share. */
export function Strip(props: { store: Store; painter: Painter; panel: PanelCard; view: Chosen }) {
  const { store, painter, panel, view } = props;
  const { walk } = store;
  const { live } = store.about.value;
  const answer = store.answers[panel.slot].value;
  const shared = walk.card.value;
  const sweep = walk.sweep(panel.id);
  const card = shared ?? sweep?.card;
  if (!answer) return null;
  if (!card) {
    const frames = answer.frames ?? [];
    if (!frames.length) return null;
    const pictures = [{ key: "-1", label: "answer", map: answer.map }];
    frames.forEach(({ label, map }, i) => {
      pictures.push({ key: `${i}`, label, map });
    });
    return (
      <Film
        {...{ store, painter, pictures }}
        chosen={`${view.frame.value}`}
        onPick={(key) => {
          view.frame.value = Number(key);
        }}
      />
    );
  }
  const film = walk.film(panel.id, answer.request);
  const setting = card.usable ? (sweep?.setting ?? card.slider.replace(/ /g, "_")) : "";
  const knob = panel.knobs.find(({ name }) => name === setting);
  const short = (words: string): string =>
    knob?.unit ? words.replace(` ${knob.unit}`, "") : words;
  const pictures: Picture[] = [...card.steps, ...card.beside].map(({ key, label }) => ({
    key,
    label: short(film[key]?.label ?? label),
    map: film[key]?.map,
    title: walk.mark(panel.id, key)?.words ?? label,
    disabled: !live && !film[key],
    note: sweep && (walk.mark(panel.id, key)?.value?.toFixed(2) ?? "…"),
  }));
  pictures.unshift({
    key: "",
    label: card.origin,
    map: answer.map,
    title: card.origin,
    disabled: false,
    note: sweep && "",
  });
  const pick = (key: string): void => {
    view.swept.value = key;
    if (live && key && !film[key]) void store.ask("show_step", { panel: panel.id, key }, panel.id);
  };
  const strip = (
    <Film
      {...{ store, painter, pictures }}
      chosen={shared ? walk.steady.value : view.swept.value}
      onPick={shared ? (key) => walk.pick(key) : pick}
    />
  );
  return sweep ? (
    <Swept {...{ store, panel, view, sweep, strip }} unit={knob?.unit ?? ""} />
  ) : (
    strip
  );
}

/** The strip of a panel's sweep, and what there is to say and do about the value that is chosen. */
function Swept(props: {
  store: Store;
  panel: PanelCard;
  view: Chosen;
  sweep: PanelSweep;
  strip: unknown;
  unit: string;
}) {
  const { store, panel, view, sweep, strip, unit } = props;
  const { walk } = store;
  const at = view.swept.value;
  const mark = at ? walk.mark(panel.id, at) : undefined;
  const { status, done = 0, total = 0 } = sweep.walk ?? {};
  const told = at ? mark?.words : walk.trail(panel.id)?.verdict;
  return (
    <div class="xw-swept">
      <p class="xw-facts">
        <b>{sweep.setting.replace(/_/g, " ")}</b> {unit} · similarity (
        {String(sweep.card?.settings.measure)})
      </p>
      {strip}
      <p class="xw-facts" aria-live="polite">
        {told || `${done} of ${total} maps`}{" "}
        {(status === "stopped" || status === "cancelled") && store.about.value.live && (
          <Button
            class="xw-framed"
            label="Make the maps that are missing"
            text="Fill in the rest"
            onClick={() => store.ask("fill_steps", {}, panel.id)}
          />
        )}
        {mark && !mark.failed && (
          <UseStep
            {...{ store, at }}
            panel={panel.id}
            then={() => {
              view.swept.value = "";
            }}
          />
        )}
      </p>
    </div>
  );
}
