/** What a view knows of an experiment: the steps, which one is on screen, and the maps so far. */

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Model, Requests } from "../requests";
import { settle } from "../timing";
import type {
  Experiment,
  FrameMessage,
  Mark,
  PanelCard,
  PanelSweep,
  SceneMessage,
  StepFrame,
  StepScene,
  Trail,
  Walking,
  Array as WireArray,
} from "../wire";

type Film = Record<string, StepFrame>;

// Maps that come sooner are painted where the ones before stand, and nothing else is: to dim eight
// panels for a moment takes longer than to draw the first of them.
const SOON = 150;

export interface Walk {
  card: ReadonlySignal<Experiment | null>;
  walking: ReadonlySignal<Walking | null>;
  /** The step that every panel shows; "" is the origin. */
  key: Signal<string>;
  /** Whether the reader has waited so long for the step on screen that it has to show. */
  late: ReadonlySignal<boolean>;
  /** The step of plots and strips: the one before for as long as maps are about to come. */
  steady: ReadonlySignal<string>;
  /** What the reader calls a step. */
  label(key: string): string;
  trail(panel: string): Trail | undefined;
  /** The maps of a panel's answer, by step; none while the answer is older than its trail. */
  film(panel: string, request: number): Film;
  mark(panel: string, key: string): Mark | undefined;
  /** What the network says of an input at a step, where that is known. */
  scene(input: number, key: string): StepScene | undefined;
  /** Whether every panel has its map at a step, or cannot have one. */
  seen(key: string): boolean;
  pick(key: string): void;
  /** The setting of a panel that goes through a row of values. */
  sweep(panel: string): PanelSweep | undefined;
}

interface Needs {
  requests: Requests;
  closed: AbortSignal;
  trait<T>(name: string): Signal<T>;
  panels: ReadonlySignal<PanelCard[]>;
  spoken: Signal<string>;
  live(): boolean;
}

export function createWalk(model: Model, needs: Needs): Walk {
  const { requests, closed, trait, panels, spoken, live } = needs;
  const given = trait<Partial<Experiment> | undefined>("experiment");
  const card = computed(() => (given.value?.slider ? (given.value as Experiment) : null));
  const trails = trait<Record<string, Trail> | undefined>("trails");
  const sweeps = trait<Record<string, PanelSweep> | undefined>("sweeps");
  const walking = trait<Walking | null>("walk");
  const saved = trait<Record<string, Film> | undefined>("frames"); // in an exported page
  const savedScenes = trait<Record<string, StepScene> | undefined>("step_scenes");
  const key = signal("");

  const films = new Map<number, Signal<Film>>();
  const filmOf = (number: number): Signal<Film> => {
    const known = films.get(number) ?? signal<Film>({});
    films.set(number, known);
    return known;
  };
  const scenes = signal<Record<string, StepScene>>({});
  const receive = (message: FrameMessage | SceneMessage, buffers: WireArray["data"][]): void => {
    if (message?.type === "scene") {
      const { scene, number, input } = message;
      const picture = scene.picture && { ...scene.picture, data: buffers[0] };
      const made = picture ? { ...scene, picture } : scene;
      scenes.value = { ...scenes.peek(), [`${number} ${input} ${message.key}`]: made };
    }
    if (message?.type !== "frame") return;
    const film = filmOf(message.film);
    const map = { ...message.frame.map, data: buffers[0] };
    film.value = { ...film.peek(), [message.key]: { ...message.frame, map } };
  };
  const trail = (panel: string): Trail | undefined => trails.value?.[panel];
  const mark = (panel: string, at: string): Mark | undefined => trail(panel)?.marks[at];
  const seen = (at: string): boolean =>
    !at ||
    panels.value.every(({ id }) => {
      const mine = trail(id);
      return !mine || at in filmOf(mine.film).value || mine.marks[at]?.failed;
    });
  const late = signal(false);
  let steadyKey = "";
  const steady = computed(() => {
    if (late.value || seen(key.value)) steadyKey = key.value;
    return steadyKey;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waitOrNot = (): void => {
    if (seen(key.value)) {
      clearTimeout(timer);
      timer = undefined;
      late.value = false;
    } else {
      timer ??= setTimeout(() => {
        late.value = true;
      }, SOON);
    }
  };
  const label = (at: string): string => {
    const known = card.value;
    if (!at) return known?.origin ?? "";
    return (
      [...(known?.steps ?? []), ...(known?.beside ?? [])].find((s) => s.key === at)?.label ?? at
    );
  };

  const ask = settle(
    80,
    250,
    closed,
    (at: string) => void requests.ask("show_step", { key: at }, "experiment"),
    true,
  );
  const tell = settle(800, 1e9, closed, () => {
    const at = key.peek();
    const words = panels.peek().map(({ id, title }) => {
      const said = at ? mark(id, at)?.words : trail(id)?.verdict;
      return said ? `${title}: ${said}` : "";
    });
    const told = words.filter(Boolean).join(" ");
    if (told) spoken.value = `${label(at)}. ${told}`;
  });

  let asked = ""; // what Python was last asked for
  model.on("msg:custom", receive);
  const undo = [
    effect(() => {
      for (const [number, film] of Object.entries(saved.value ?? {})) filmOf(+number).value = film;
    }),
    effect(() => {
      const shown = Object.values(trails.value ?? {}).map(({ film }) => film);
      for (const number of films.keys()) if (!shown.includes(number)) films.delete(number);
    }),
    effect(() => {
      void [key.value, walking.value?.status];
      tell();
    }),
    effect(waitOrNot),
    effect(() => {
      const at = key.value;
      if (!live() || at === asked) return;
      // What was seen is drawn without a word to Python, unless it still works on another step.
      if (!seen(at) || !seen(asked)) {
        asked = at;
        ask(at);
      }
    }),
  ];
  closed.addEventListener("abort", () => {
    model.off("msg:custom", receive);
    clearTimeout(timer);
    for (const stop of undo) stop();
  });
  const any = card.peek() || Object.keys(sweeps.peek() ?? {}).length;
  if (any && live()) void requests.ask("send_frames", {}, "experiment");

  return {
    card,
    walking,
    key,
    late,
    steady,
    label,
    sweep: (panel) => sweeps.value?.[panel],
    trail,
    mark,
    seen,
    scene: (input, at) =>
      savedScenes.value?.[`${input} ${at}`] ?? scenes.value[`${card.value?.number} ${input} ${at}`],
    film: (panel, request) => {
      const mine = trail(panel);
      return mine?.request === request ? filmOf(mine.film).value : {};
    },
    pick(at) {
      key.value = at;
    },
  };
}
