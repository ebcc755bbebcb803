/** One method's panel: its map, its numbers, its knobs, and how far it is. */

import { computed, signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { mainBox, maskBox, overlap } from "../box";
import { Knob } from "../controls/knob";
import { share } from "../display";
import { StepView } from "../experiment/step";
import { FlowButton } from "../flow/flow";
import { type Point, scaleRegion } from "../geometry";
import { Swatch } from "../masking/curves";
import { PanelScore } from "../masking/score";
import { digits, percent, seconds } from "../numbers";
import type { Painter, Sheet } from "../painter";
import type { Store } from "../store";
import { BadgeRow } from "../trust/badges";
import { Button, Icon, Missing, Popover } from "../ui/parts";
import type { HeatmapAnswer, PanelCard, Sign, Array as WireArray } from "../wire";
import { Strip } from "./frames";
import { Legend } from "./legend";
import { mountStage } from "./stage";
import { blockMeans, readAt, shown } from "./values";

interface Props {
  store: Store;
  painter: Painter;
  panel: PanelCard;
  index: number;
}

/** What a panel shows, from its answer, its chosen frame and the display. */
function look(store: Store, { id, slot }: PanelCard) {
  const { walk } = store;
  const answer = store.answers[slot];
  const frame = signal(-1);
  const limit = signal(0);
  const swept = signal("");
  /** The map of the strip that stands in the place of the answer's own. */
  const chosen = computed(() => {
    const { value } = answer;
    if (!value || walk.card.value) return undefined;
    const sweep = walk.sweep(id) && walk.film(id, value.request)[swept.value];
    return sweep ?? value.frames?.[frame.value];
  });
  /** The map on the grid of the step's map beside it, which a page may hold in fewer pixels. */
  const whole = computed<WireArray | null>(() => {
    const { value } = answer;
    if (!value) return null;
    const beside = walk.film(id, value.request)[walk.key.value]?.map.shape;
    const { shape } = value.map;
    if (!beside || beside[1] === shape[1]) return value.map;
    return blockMeans(store.values(value.map), shape, beside);
  });
  const showsError = computed(() =>
    Boolean(store.display.value.error && answer.value?.error && !chosen.value),
  );
  const array = computed<WireArray | null>(() => {
    const { value } = answer;
    if (!value) return null;
    return showsError.value ? (value.error ?? null) : (chosen.value?.map ?? whole.value);
  });
  /** The box around what the map calls important, in its own pixels. */
  const boxed = computed(() => {
    const { box } = store.display.value;
    const plane = !showsError.value && !store.row.value && store.depth.value === 1;
    const map = box > 0 && plane && array.value;
    return map ? mainBox(store.values(map), map.shape[1], box / 100) : null;
  });
  const sign = computed<Sign>(() => (showsError.value ? "absolute" : store.display.value.sign));
  /** Whether the answer is held for another input than the one on screen. */
  const apart = computed(
    () =>
      Boolean(answer.value && store.scene.value) &&
      answer.value?.input !== store.scene.value?.index,
  );
  const value = computed(() => {
    const point = store.cross.value;
    const foreign = apart.value && store.row.value && !store.table.value; // its tokens are others
    return point && array.value && !foreign ? readAt(store, array.value, point) : null;
  });
  const veiled = computed(() => Boolean(store.masking.veil(answer.value)));
  const state = { frame, swept, limit, chosen, showsError, array, boxed, sign, value };
  return { answer, veiled, apart, ...state };
}

type Look = ReturnType<typeof look>;

function readOut(store: Store, { answer, array, showsError, chosen }: Look, at: Point): string {
  if (!array.value) return "";
  const words = digits(readAt(store, array.value, at));
  if (showsError.value) return `standard error ${words}`;
  const error = !chosen.value && answer.value?.error;
  return error ? `${words} ± ${digits(readAt(store, error, at))}` : words;
}

/** The picture under a map: the one on screen, or for a held answer the small one of the strip. */
function pictureOf(store: Store, answer: HeatmapAnswer | null): WireArray | null {
  const scene = store.scene.value;
  if (!answer || !scene || answer.input === scene.index) return scene?.picture ?? null;
  return store.strip.value[answer.input]?.thumb ?? null;
}

/** The picture under a map at a step of an experiment, which may change the input. */
function stepPicture(store: Store, answer: HeatmapAnswer | null, at: string): WireArray | null {
  const there = answer && store.walk.scene(answer.input, at)?.picture;
  return there ?? pictureOf(store, answer);
}

export function Panel({ store, painter, panel, index }: Props) {
  const { id } = panel;
  const view = useMemo(() => look(store, panel), [panel.slot]);
  const host = useRef<HTMLDivElement>(null);
  const knobsOpen = useSignal(false);
  const over = useSignal(false);
  const { live, layers } = store.about.value;
  const problems = store.problems.value;

  useEffect(() => {
    const closed = new AbortController();
    const sheet: Sheet = {
      array: () => view.array.value,
      picture: () => pictureOf(store, view.answer.value),
      veil: () => store.masking.veil(view.answer.value),
      sign: () => view.sign.peek(),
      boxed: () => view.boxed.peek(),
      scaled: (limit) => {
        view.limit.value = limit;
      },
    };
    const options = {
      label: `${panel.title}: arrow keys read values`,
      words: (at: Point) => readOut(store, view, at),
      sheet,
      bare: () => view.veiled.value && !store.masking.maps.value,
      tokens: () => view.answer.value?.tokens,
      apart: () => view.apart.value,
      error: () =>
        (view.chosen.value || view.showsError.value ? null : view.answer.value?.error) ?? null,
    };
    if (host.current) mountStage(host.current, store, painter, options, closed.signal);
    return () => closed.abort();
  }, [view]);

  const answer = view.answer.value;
  const now = store.status.value[id] ?? { status: "waiting", request: 0, progress: 0, message: "" };
  const busy = now.status === "waiting" || now.status === "running";
  const failed = now.status === "error" || now.status === "cancelled";
  const stale = Boolean(answer) && now.status !== "done" && answer?.request !== now.request;
  const ask = (name: "remove_panel" | "retry" | "cancel") => store.ask(name, { panel: id }, id);
  const move = (to: number) => store.ask("move_panel", { panel: id, to }, id);
  const last = store.panels.value.length - 1;
  const { masking, walk } = store;
  const card = walk.card.value;
  const plotted = card || (masking.settings.value.on && masking.plotted.value);
  const sorted = store.trust.sorted.value !== store.panels.value;

  return (
    <section
      class={`xw-panel ${stale ? "xw-stale" : ""} ${over.value ? "xw-over-here" : ""} ${masking.lit.value === id ? "xw-lit" : ""}`}
      aria-label={panel.title}
      aria-busy={busy}
      onPointerEnter={() => {
        masking.lit.value = id;
      }}
      onPointerLeave={() => {
        masking.lit.value = "";
      }}
      onDragOver={(event) => {
        if (!store.dragged.value || store.dragged.value === id) return;
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        const panelId = store.dragged.value;
        if (panelId) void store.ask("move_panel", { panel: panelId, to: index }, panelId);
      }}
    >
      <header
        draggable={!sorted}
        onDragStart={(event) => {
          event.dataTransfer?.setData("text/plain", panel.title);
          store.dragged.value = id;
        }}
        onDragEnd={() => {
          store.dragged.value = "";
        }}
      >
        {plotted && <Swatch slot={panel.slot} />}
        <h3 class="xw-heading" title={`${panel.title}: ${panel.blurb}`}>
          {panel.title}
        </h3>
        {panel.knobs.length > 0 && (
          <Button
            icon="knobs"
            label="Settings"
            pressed={knobsOpen.value}
            onClick={() => {
              knobsOpen.value = !knobsOpen.value;
            }}
          />
        )}
        <Button
          icon="pin"
          label={
            panel.pinned ? "Follow the others again" : "Hold this answer while the others follow"
          }
          pressed={panel.pinned}
          onClick={() => void store.ask("pin_panel", { panel: id, pinned: !panel.pinned }, id)}
        />
        <Popover icon="more" label={`More for ${panel.title}`}>
          {(close) => (
            <div class="xw-menu" onClick={close} onKeyDown={() => undefined}>
              <p class="xw-muted">{panel.blurb}</p>
              <Button
                icon="left"
                label="Move left"
                text="Move left"
                disabled={sorted || index === 0}
                onClick={() => move(index - 1)}
              />
              <Button
                icon="right"
                label="Move right"
                text="Move right"
                disabled={sorted || index === last}
                onClick={() => move(index + 1)}
              />
              <Button
                icon="close"
                label="Remove"
                text="Remove"
                onClick={() => ask("remove_panel")}
              />
            </div>
          )}
        </Popover>
      </header>
      <BadgeRow store={store} slot={panel.slot} />
      <div class={card ? "xw-pair" : ""}>
        <div>
          {card && <p class="xw-caption">{card.origin}</p>}
          <div class="xw-frame">
            <div class="xw-stage" ref={host} />
            {busy && (
              <div
                class="xw-progress"
                role="progressbar"
                aria-valuenow={Math.round(now.progress * 100)}
              >
                <i style={{ width: `${Math.max(2, now.progress * 100)}%` }} />
              </div>
            )}
            {busy && (
              <div class="xw-working">
                <span>{now.status === "waiting" ? "waiting" : percent(now.progress)}</span>
                <Button label="Cancel" text="Cancel" onClick={() => ask("cancel")} />
              </div>
            )}
            {failed && (
              <Missing
                class={answer ? "xw-beside" : ""}
                words={
                  now.message || (now.status === "cancelled" ? "Cancelled." : "This method failed.")
                }
                onRetry={live ? () => ask("retry") : undefined}
              />
            )}
          </div>
          {answer && (!view.veiled.value || masking.maps.value || store.row.value) && (
            <Legend
              store={store}
              limit={view.limit}
              value={view.value}
              sign={view.sign.value}
              what={view.showsError.value ? "standard error" : undefined}
            />
          )}
        </div>
        {card && (
          <StepView
            {...{ store, painter, panel, busy }}
            picture={(at) => stepPicture(store, view.answer.value, at)}
            tokens={() => view.answer.value?.tokens}
            apart={() => view.apart.value}
          />
        )}
      </div>
      {answer && (
        <>
          {view.veiled.value && <PanelScore store={store} id={id} request={answer.request} />}
          <Facts {...{ store, panel, answer, view }} />
          {panel.flow && (
            <FlowButton
              {...{ store, painter, panel }}
              request={answer.request}
              picture={() => pictureOf(store, view.answer.value)}
            />
          )}
        </>
      )}
      <Strip {...{ store, painter, panel, view }} />
      {problems[id] && <p class="xw-problem">{problems[id]}</p>}
      {knobsOpen.value && (
        <div class="xw-knobs">
          {panel.knobs.map((knob) => (
            <Knob
              key={knob.name}
              knob={knob}
              value={panel.settings[knob.name]}
              layers={layers}
              disabled={!live}
              problem={problems[`${id}.${knob.name}`] ?? ""}
              closed={store.closed}
              onSend={(value) =>
                store.ask("set_knob", { panel: id, knob: knob.name, value }, `${id}.${knob.name}`)
              }
              swept={walk.sweep(id)?.setting === knob.name}
              onSweep={
                live && !card && store.depth.value === 1
                  ? () => {
                      view.frame.value = -1;
                      view.swept.value = "";
                      const args = { panel: id, knob: knob.name };
                      void store.ask("sweep_knob", args, `${id}.${knob.name}`);
                    }
                  : undefined
              }
            />
          ))}
        </div>
      )}
    </section>
  );
}

/** Where the box lies in the picture, and how well it agrees with the true ones. */
function boxWords(store: Store, { boxed, array, apart }: Look): string[] {
  const map = array.value?.shape;
  if (!boxed.value || !map) return [];
  const [width, height] = store.size.value;
  const box = scaleRegion(boxed.value, width / map[1], height / map[0]);
  const words = [`Box: x ${box.x0} to ${box.x1 - 1}, y ${box.y0} to ${box.y1 - 1}.`];
  for (const { name, mask } of (!apart.value && store.scene.value?.masks) || []) {
    const truth = maskBox(store.values(mask), mask.shape[1]);
    if (truth) words.push(`Box IoU with ${name}: ${overlap(box, truth).toFixed(2)}.`);
  }
  return words;
}

/** What the answer says about itself. */
function Facts(props: { store: Store; panel: PanelCard; answer: HeatmapAnswer; view: Look }) {
  const { store, panel, answer, view } = props;
  const { sign } = store.display.value;
  const region = store.region.value;
  const array = view.array.value;
  let part: number | null = null;
  const foreign = store.row.value && view.apart.value;
  if (region && array && !foreign) {
    const [rows, columns] = array.shape.slice(-2);
    const [width, height] = store.size.value;
    const area = scaleRegion(region, columns / width, rows / height);
    part = share(shown(store, array), columns, view.sign.value, area);
  }
  const other = [];
  if (answer.target !== store.target.value.label) other.push(answer.target);
  if (view.apart.value) {
    other.push(store.strip.value[answer.input]?.name ?? `input ${answer.input}`);
  }
  const passes = [
    seconds(answer.seconds),
    answer.forwards ? `${answer.forwards} fwd` : "",
    answer.backwards ? `${answer.backwards} bwd` : "",
  ];
  return (
    <div class="xw-facts">
      {region && !foreign && (
        <p class="xw-strong">
          {part === null
            ? "nothing to share"
            : `${percent(part)} inside the ${store.row.value ? "range" : "region"}`}
          {store.depth.value > 1 && " of this slice"}
          {sign === "signed" || sign === "absolute" ? "" : `, ${sign} part`}
        </p>
      )}
      {panel.pinned && other.length > 0 && <p class="xw-held">holds {other.join(", ")}</p>}
      <p title={`${answer.forwards} forward and ${answer.backwards} backward passes`}>
        {passes.filter(Boolean).join(" · ")}
      </p>
      {boxWords(store, view).map((words) => (
        <p key={words}>{words}</p>
      ))}
      {answer.facts.map((fact) => (
        <p key={fact}>{fact}</p>
      ))}
      {answer.warnings.map((warning) => (
        <p key={warning} class="xw-warning">
          <Icon name="warn" />
          {warning}
        </p>
      ))}
    </div>
  );
}
