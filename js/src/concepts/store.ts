/** What one view of concepts knows: Python's traits, and what only the reader's hand changes. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { floats } from "../arrays";
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
import { type Axis, usual } from "./axes";
import { limitOf } from "./ink";
import { type Order, sorted } from "./scores";

/** How pictures lie: side by side in an order, or in a plane of two axes. */
export type Face = "order" | "plane";
/** What a hand on the pictures does. */
export type Tool = "look" | "lasso" | "brush";
export type Strokes = number[][];

export interface ConceptsStore extends Requests {
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
  face: Signal<Face>;
  /** The axes that the reader has chosen: across, upwards. */
  wanted: Signal<readonly [Axis | null, Axis | null]>;
  /** The axes of the plane; null while there is no concept. */
  axes: ReadonlySignal<readonly [Axis, Axis] | null>;
  /** What an axis says of every picture; NaN where that is not known. */
  on(axis: Axis): Float32Array;
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
  /** Take a picture into the lasso or out of it, or look at it, by what a hand does. */
  pick(index: number): void;
  values(array: WireArray): Float32Array;
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
  const tool = signal<Tool>("look");
  const chosen = signal<ReadonlySet<number>>(new Set());
  const of = ({ concept, layer }: ConceptChoice): ConceptCell | undefined =>
    grid.value?.cells.find((one) => one.concept === concept && one.layer === layer);
  const cell = computed(() => (choice.value && of(choice.value)) ?? null);
  const wanted = signal<readonly [Axis | null, Axis | null]>([null, null]);
  const axes = computed(() => {
    if (!grid.value || !cell.value) return null;
    const [x, y] = usual(grid.value.cells, cell.value);
    const [across, upwards] = wanted.value;
    return [across && of(across) ? across : x, upwards && of(upwards) ? upwards : y] as const;
  });
  const maps = computed(() => {
    const [found, at] = [sent.value, choice.value];
    return found?.concept === at?.concept && found?.layer === at?.layer ? found : null;
  });
  return {
    ...requests,
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
    face: signal<Face>("order"),
    wanted,
    axes,
    on(axis) {
      const found = of(axis);
      return found ? values(found[axis.quantity]) : new Float32Array();
    },
    overlay: signal(true),
    limit: computed(() => {
      const array = maps.value?.maps;
      return array ? limitOf(values(array)) : 0;
    }),
    table: computed(() => table(about.value.colour_map)),
    tool,
    chosen,
    paint: signal<Record<number, Strokes>>({}),
    brush: signal(9),
    spoken: signal(""),
    choose({ concept, layer }) {
      const now = choice.peek();
      if (concept === now?.concept && layer === now.layer) return;
      void requests.ask("choose_cell", { concept, layer });
    },
    pick(index) {
      if (tool.peek() !== "lasso") {
        void requests.ask("look_closely", { index });
        return;
      }
      const next = new Set(chosen.peek());
      if (!next.delete(index)) next.add(index);
      chosen.value = next;
    },
    values,
  };
}
