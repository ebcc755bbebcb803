/** What stands around a lesson: its title, its pictures, its trouble, and how its maps are drawn. */

import { effect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { SIGNS } from "../compare/display-bar";
import type { Painter } from "../painter";
import { CopyPython } from "../ui/copy";
import { Keys } from "../ui/keys";
import { Icon, Segments, Slider } from "../ui/parts";
import { Picture } from "../ui/picture";
import { Reel } from "../ui/reel";
import { Working } from "../ui/working";
import type { LessonStore } from "./store";

const KEYS = [
  ["arrows", "move the crosshair (shift: 10 pixels)"],
  ["+  −  0", "zoom in, out, whole picture; also ctrl + wheel"],
] as const;

interface Props {
  store: LessonStore;
  painter: Painter;
  /** What the lesson is, for a screen reader. */
  label: string;
  /** What is asked, before what is explained. */
  asks: string;
  keys: readonly (readonly [string, string])[];
  /** Whether work goes on unseen, so that nothing moves under a hand that draws. */
  quiet?: boolean;
  /** Whether a picture of the strip is answered. */
  done(i: number): boolean;
  onKeyDown?(event: KeyboardEvent): void;
  children: ComponentChildren;
}

export function Frame(props: Props) {
  const { store, painter, label, keys } = props;
  useEffect(
    () =>
      effect(() => {
        void [store.display.value, store.palette.value, store.zoom.value, store.scene.value];
        painter.ask();
      }),
    [],
  );
  const { title, live } = store.about.value;
  const work = store.work.value;
  const calm = props.quiet && (work.status === "waiting" || work.status === "running");
  return (
    <section class="xw-box xw-lesson" aria-label={label} onKeyDown={props.onKeyDown}>
      <header class="xw-header">
        <h2 class="xw-title">{title}</h2>
        <p class="xw-target">
          {props.asks} <b>{store.target.value.label}</b>
        </p>
        <span class="xw-spring" />
        <CopyPython store={store} />
        <Keys keys={() => [...keys, ...KEYS]} />
      </header>
      <Working
        work={calm ? { ...work, status: "done" } : work}
        problem={store.problems.value[""]}
        live={live}
        onCancel={() => void store.ask("cancel")}
        onRetry={() => void store.ask("retry")}
        onDismiss={() => store.clear("")}
      />
      <Pictures store={store} done={props.done} />
      {props.children}
      <div class="xw-hidden" aria-live="polite">
        {store.spoken}
      </div>
    </section>
  );
}

/** Where the keyboard goes on when a change of the view took away what it was on. */
export function useLanding(change: unknown) {
  const place = useRef<HTMLDivElement>(null);
  const before = useRef(change);
  useEffect(() => {
    const here = place.current;
    if (!here || before.current === change) return;
    before.current = change;
    const at = (here.getRootNode() as Document | ShadowRoot).activeElement;
    if (!at || at === document.body || at.matches(":disabled")) here.focus({ preventScroll: true });
  }, [change]);
  return place;
}

/** The pictures in turn, and which of them are answered. */
function Pictures({ store, done }: Pick<Props, "store" | "done">) {
  const strip = store.strip.value;
  if (strip.length < 2) return null;
  const all = [...strip.keys()];
  const answered = all.filter(done).length;
  return (
    <div class="xw-turns">
      <Reel
        label="Pictures"
        shown={all}
        chosen={store.index.value}
        title={(i) => `${strip[i].name}${done(i) ? ", answered" : ""}`}
        onPick={(i) => store.turn(i)}
      >
        {(i) => {
          const { thumb } = strip[i];
          return (
            <>
              {thumb && <Picture array={thumb} />}
              <span class="xw-right">
                {done(i) && <Icon name="check" />}
                {i + 1}
              </span>
            </>
          );
        }}
      </Reel>
      <span class="xw-muted" role="status">
        {answered} of {strip.length} answered
      </span>
    </div>
  );
}

/** How the maps are drawn. */
export function DrawnBar({ store }: { store: LessonStore }) {
  const { sign, opacity, truth } = store.display.value;
  const masks = Boolean(store.scene.value?.masks.length);
  return (
    <div class="xw-drawn" role="group" aria-label="Display">
      <Segments
        label="Sign"
        value={sign}
        choices={SIGNS}
        onPick={(next) => store.show({ sign: next })}
      />
      <Slider
        label="Opacity"
        low={0}
        high={1}
        step={0.01}
        value={opacity}
        text={`${Math.round(opacity * 100)} %`}
        onInput={(next) => store.show({ opacity: next })}
      />
      {masks && (
        <button
          type="button"
          class="xw-toggle"
          aria-pressed={truth}
          title="outline what is known to be the true region"
          onClick={() => store.show({ truth: !truth })}
        >
          Truth
        </button>
      )}
    </div>
  );
}
