/** What one view of a lesson knows: Python's traits, and what only the reader's hand changes. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createEasel, type Easel } from "../easel";
import type { Point } from "../geometry";
import { begun, drawn } from "../masking/brush";
import { createRequests, type Model, type Requests } from "../requests";
import { settle } from "../timing";
import { filled, followTrait } from "../traits";
import {
  type BadgeCard,
  type Ballot,
  DEFAULT_DISPLAY,
  type Display,
  type LessonAbout,
  type LessonSheet,
  type OverlapCard,
  type Region,
  type Scene,
  type StripItem,
  type TargetCard,
  type WorkStatus,
} from "../wire";
import { boxOf, marked, type Shapes } from "./marks";

export interface LessonStore extends Requests, Easel {
  about: ReadonlySignal<LessonAbout>;
  strip: ReadonlySignal<StripItem[]>;
  target: ReadonlySignal<TargetCard>;
  work: ReadonlySignal<WorkStatus>;
  /** The maps of the picture on screen, where they may be seen. */
  sheet: ReadonlySignal<LessonSheet | null>;
  /** The number of the picture on screen. */
  index: ReadonlySignal<number>;
  /** Pictures of which nothing is held back any more. */
  revealed: ReadonlySignal<number[]>;
  /** Whether the picture on screen is one of them. */
  told: ReadonlySignal<boolean>;
  /** How maps lie in regions, by picture. */
  overlaps: ReadonlySignal<Record<string, OverlapCard[]>>;
  show(change: Partial<Display>): void;
  /** Turn to a picture. */
  turn(index: number): void;
}

type Follow = <T>(name: string) => Signal<T>;

function createLesson(model: Model, closed: AbortSignal, keep: (region: Region | null) => void) {
  const requests = createRequests(model, closed);
  const trait: Follow = (name) => followTrait(model, closed, name);
  const about = trait<LessonAbout>("about");
  const scene = followTrait(model, closed, "scene", filled<Scene>);
  const display = signal<Display>({ ...DEFAULT_DISPLAY, truth: true });
  const revealed = trait<number[]>("revealed");
  const index = computed(() => scene.value?.index ?? 0);
  const region = signal<Region | null>(null);
  const store: LessonStore = {
    ...requests,
    ...createEasel(closed, about, scene, display),
    about,
    region,
    strip: trait("strip"),
    target: trait("target"),
    work: trait("work"),
    sheet: followTrait(model, closed, "sheet", filled<LessonSheet>),
    index,
    revealed,
    told: computed(() => revealed.value.includes(index.value)),
    overlaps: trait("overlaps"),
    show(change) {
      display.value = { ...display.peek(), ...change };
    },
    turn(to) {
      void requests.ask("select_input", { index: to });
    },
    keepRegion(found) {
      region.value = null;
      keep(found);
    },
  };
  return { store, trait };
}

/** What a hand on the picture does. */
export type Tool = "box" | "brush";

export interface PredictStore extends LessonStore {
  tool: Signal<Tool>;
  /** Side of the brush in pixels. */
  brush: Signal<number>;
  /** What is marked in the picture on screen. */
  shapes: ReadonlySignal<Shapes>;
  /** The pixels that are marked, as 1 and 0; null where there are none. */
  inside: ReadonlySignal<Uint8Array | null>;
  mark(shapes: Shapes): void;
  stamp(at: Point, fresh: boolean): void;
  reveal(): void;
}

export function createPredictStore(model: Model, closed: AbortSignal): PredictStore {
  const { store, trait } = createLesson(model, closed, (region) => {
    if (region && !store.told.peek()) mark([...shapes.peek(), boxOf(region)]);
  });
  const { index, size, ask } = store;
  const marks = trait<Record<string, Shapes>>("marks");
  // The hand may be ahead of what Python knows.
  const draft = signal<{ index: number; shapes: Shapes } | null>(null);
  const shapes = computed(() => {
    const mine = draft.value;
    return mine?.index === index.value ? mine.shapes : (marks.value[index.value] ?? []);
  });
  const brush = signal(Math.max(3, Math.round(size.peek()[0] / 12)));

  async function report(): Promise<void> {
    const mine = draft.peek();
    if (!mine) return;
    await ask("set_mark", mine, "mark");
    if (draft.peek() === mine) draft.value = null;
  }
  const send = settle(120, 600, closed, () => void report());
  function mark(next: Shapes): void {
    draft.value = { index: index.peek(), shapes: next };
    send();
  }
  return {
    ...store,
    tool: signal<Tool>("box"),
    brush,
    shapes,
    inside: computed(() =>
      shapes.value.length ? marked(shapes.value, ...(size.value as [number, number])) : null,
    ),
    mark,
    /** What is asked comes after what is marked, also where the hand has just moved. */
    ask(...asked) {
      void report();
      return ask(...asked);
    },
    stamp(at, fresh) {
      const now = shapes.peek();
      mark(fresh ? begun(now, brush.peek(), at) : drawn(now, at));
    },
    turn(to) {
      void report();
      store.turn(to);
    },
    reveal() {
      const mine = { index: index.peek(), shapes: shapes.peek() };
      draft.value = mine;
      void ask("reveal", mine, "mark").then(({ ok }) => {
        if (draft.peek() === mine) draft.value = null;
        if (ok) store.spoken.value = "The maps are revealed.";
      });
    },
  };
}

export interface BlindStore extends LessonStore {
  ballots: ReadonlySignal<Record<string, Ballot>>;
  /** The names behind the letters of each picture, once they are told. */
  names: ReadonlySignal<Record<string, string[]>>;
  /** What is known of the trust in each map, by picture and name. */
  verdicts: ReadonlySignal<Record<string, Record<string, BadgeCard[]>>>;
  /** The ballot of the picture on screen, as the hand has it. */
  ballot: ReadonlySignal<Ballot>;
  write(change: Partial<Ballot>): void;
  /** Trust a map next, or not at all. */
  rank(letter: string): void;
  cast(): void;
}

const EMPTY: Ballot = { vote: "", reason: "" };

export function createBlindStore(model: Model, closed: AbortSignal): BlindStore {
  const { store, trait } = createLesson(model, closed, () => undefined);
  const { index, strip, ask } = store;
  const ballots = trait<Record<string, Ballot>>("ballots");
  const drafts = signal<Record<number, Ballot>>({});
  const ballot = computed(() => {
    const cast = ballots.value[index.value] ?? EMPTY;
    return store.told.value ? cast : (drafts.value[index.value] ?? cast);
  });
  const write = (change: Partial<Ballot>): void => {
    drafts.value = { ...drafts.peek(), [index.peek()]: { ...ballot.peek(), ...change } };
  };
  return {
    ...store,
    ballots,
    names: trait("names"),
    verdicts: trait("verdicts"),
    ballot,
    write,
    rank(letter) {
      const { vote } = ballot.peek();
      write({ vote: vote.includes(letter) ? vote.replace(letter, "") : vote + letter });
    },
    async cast() {
      const here = index.peek();
      const { ok } = await ask("cast_vote", { index: here, ...ballot.peek() }, "vote");
      if (!ok) return;
      const open = [...strip.peek().keys()].filter((i) => i !== here && !ballots.peek()[i]?.vote);
      const next = open.find((i) => i > here) ?? open[0];
      store.spoken.value =
        next === undefined ? "The names are told." : `On to picture ${next + 1}.`;
      if (next !== undefined) store.turn(next);
    },
  };
}
