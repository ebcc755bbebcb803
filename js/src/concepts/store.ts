/** What one view of concepts knows: Python's traits, and what only the reader's hand changes. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { floats, pixels } from "../arrays";
import { table } from "../colour";
import { createRequests, type Model, type Requests } from "../requests";
import { filled, followTrait, once } from "../traits";
import type {
  ConceptCell,
  ConceptChoice,
  ConceptGrid,
  ConceptMaps,
  ConceptMeasureName,
  ConceptPicture,
  ConceptRow,
  ConceptScene,
  ConceptsAbout,
  TargetCard,
  Array as WireArray,
  WorkStatus,
} from "../wire";
import { limitOf } from "./ink";
import { type Order, sorted } from "./scores";

/** What a hand on the pictures does. */
export type Tool = "look" | "lasso" | "brush";
export type Strokes = number[][];

export interface ConceptsStore extends Requests {
  closed: AbortSignal;
  about: ReadonlySignal<ConceptsAbout>;
  pictures: ReadonlySignal<ConceptPicture[]>;
  target: ReadonlySignal<TargetCard>;
  cards: ReadonlySignal<ConceptRow[]>;
  work: ReadonlySignal<WorkStatus>;
  grid: ReadonlySignal<ConceptGrid | null>;
  choice: ReadonlySignal<ConceptChoice | null>;
  scene: ReadonlySignal<ConceptScene | null>;
  /** The maps of the chosen cell, once they are there. */
  maps: ReadonlySignal<ConceptMaps | null>;
  /** The cell that is chosen. */
  cell: ReadonlySignal<ConceptCell | null>;
  measure: Signal<ConceptMeasureName>;
  order: Signal<Order>;
  /** The pictures' numbers in the order in which they lie. */
  ordered: ReadonlySignal<number[]>;
  overlay: Signal<boolean>;
  /** The magnitude of the maps that covers a picture wholly. */
  limit: ReadonlySignal<number>;
  table: ReadonlySignal<Uint32Array>;
  tool: Signal<Tool>;
  chosen: Signal<ReadonlySet<number>>;
  /** What was painted, by picture. */
  paint: Signal<Record<number, Strokes>>;
  brush: Signal<number>;
  /** Words for a screen reader. */
  spoken: Signal<string>;
  choose(choice: ConceptChoice): void;
  look(index: number): void;
  toggle(index: number): void;
  values(array: WireArray): Float32Array;
  pixels(array: WireArray): Uint32Array<ArrayBuffer>;
}

export function createConceptsStore(model: Model, closed: AbortSignal): ConceptsStore {
  const requests = createRequests(model, closed);
  const trait = <T>(name: string, read?: (value: unknown) => T) =>
    followTrait(model, closed, name, read);
  const about = trait<ConceptsAbout>("about");
  const pictures = trait<ConceptPicture[]>("pictures");
  const grid = trait("grid", filled<ConceptGrid>);
  const choice = trait("choice", filled<ConceptChoice>);
  const sent = trait("maps", filled<ConceptMaps>);
  const values = once(floats);
  const order = signal<Order>("likeness");
  const chosen = signal<ReadonlySet<number>>(new Set());
  const cell = computed(() => {
    const at = choice.value;
    const cells = grid.value?.cells ?? [];
    return cells.find((one) => one.concept === at?.concept && one.layer === at.layer) ?? null;
  });
  const maps = computed(() => {
    const [found, at] = [sent.value, choice.value];
    return found?.concept === at?.concept && found?.layer === at?.layer ? found : null;
  });
  return {
    ...requests,
    closed,
    about,
    pictures,
    grid,
    choice,
    cell,
    maps,
    target: trait("target"),
    cards: trait("cards"),
    work: trait("work"),
    scene: trait("scene", filled<ConceptScene>),
    measure: signal(about.peek().judged),
    order,
    ordered: computed(() => {
      const { length } = pictures.value;
      if (order.value === "given" || !cell.value) return sorted(null, length);
      return sorted(values(cell.value[order.value === "slope" ? "slopes" : "likeness"]), length);
    }),
    overlay: signal(true),
    limit: computed(() => {
      const array = maps.value?.maps;
      return array ? limitOf(values(array)) : 0;
    }),
    table: computed(() => table(about.value.colour_map)),
    tool: signal<Tool>("look"),
    chosen,
    paint: signal<Record<number, Strokes>>({}),
    brush: signal(9),
    spoken: signal(""),
    choose({ concept, layer }) {
      const now = choice.peek();
      if (concept === now?.concept && layer === now.layer) return;
      void requests.ask("choose_cell", { concept, layer });
    },
    look(index) {
      void requests.ask("look_closely", { index });
    },
    toggle(index) {
      const next = new Set(chosen.peek());
      if (!next.delete(index)) next.add(index);
      chosen.value = next;
    },
    values,
    pixels: once(pixels),
  };
}
