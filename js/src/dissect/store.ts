/** What one view of a network's units knows. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { bytes, floats } from "../arrays";
import { clamp } from "../geometry";
import { opened } from "../parcel";
import { createRequests, type Model, type Requests } from "../requests";
import { filled, followMade, followTrait, onChange, once } from "../traits";
import type {
  ConceptCard,
  ConceptMasks,
  UnitConcepts,
  UnitSheet,
  UnitsAbout,
  UnitsOff,
  Array as WireArray,
  WorkStatus,
} from "../wire";
import {
  type Along,
  along,
  type Count,
  count,
  detects,
  type Labels,
  labelsOf,
  unpacked,
} from "./detectors";
import { developed, type Tiles } from "./tiles";
import { fits } from "./units";

export type Order = "number" | "iou" | "active";
/** How units are shown: cards of pictures or of weights, or points of a plane. */
export type Face = "pictures" | "filters" | "plane";

/** A layer's units, and what they detect where that is known. */
export type Sheet = UnitSheet & Partial<UnitConcepts>;

export interface DissectStore extends Requests {
  about: ReadonlySignal<UnitsAbout>;
  status: ReadonlySignal<WorkStatus>;
  sheets: ReadonlySignal<Sheet[]>;
  /** The number of the layer that is looked at. */
  layer: Signal<number>;
  sheet: ReadonlySignal<Sheet | null>;
  search: Signal<string>;
  order: Signal<Order>;
  face: Signal<Face>;
  /**
   * The category whose detectors are listed; "" for all units, "any" for all detectors, "sure" for
   * those that chance seldom finds.
   */
  kind: Signal<string>;
  /** From which IoU on a unit is a detector of its best concept. */
  limit: Signal<number>;
  categories: ReadonlySignal<string[]>;
  labels(sheet: Sheet): Labels;
  counts: ReadonlySignal<Count[]>;
  /** What each layer detects along random axes; null where nobody looked. */
  turned: ReadonlySignal<(Along | null)[]>;
  /** The best concept of a unit of the layer on screen. */
  labelOf(unit: number): { card: ConceptCard; iou: number; detector: boolean } | null;
  /** The units that are listed, in order. */
  listed: ReadonlySignal<number[]>;
  unit: Signal<number>;
  /** The concept whose masks are shown; −1 for the unit's best. */
  concept: Signal<number>;
  /** Units that are switched off, and what the network does without them. */
  off: ReadonlySignal<UnitsOff | null>;
  /** Those of the layer on screen. */
  silenced: ReadonlySignal<Set<number>>;
  /** Switch these units of the layer on screen off, and all others on. */
  switchOff(units: Iterable<number>): void;
  /** Look at another unit, of this layer or of another. */
  select(unit: number, layer?: number): void;
  /** Go by a key from the chosen unit to another that is listed, in rows of so many. */
  walk(event: KeyboardEvent, columns: number): void;
  values(array: WireArray): Float32Array;
  /** The small pictures; null until they are there. */
  tiles: ReadonlySignal<Tiles | null>;
  /** Where a concept is in a picture of the sheet; null where it is not. */
  mask(place: number, concept: number): Uint8Array | null;
}

const SMALLEST = 0.001;
/** As often as one time in twenty, and a little for rounding. */
const SELDOM = 0.0501;

export function createDissectStore(model: Model, closed: AbortSignal): DissectStore {
  const requests = createRequests(model, closed);
  const trait = <T>(name: string, read?: (value: unknown) => T) =>
    followTrait(model, closed, name, read);
  const about = trait<UnitsAbout>("about");
  const made = <S extends object, T>(name: string, make: (sent: S) => Promise<T>) =>
    followMade(model, closed, name, make, (reason) => {
      requests.say("", `This browser cannot open what came (${reason}); a newer one can.`);
    });
  const surveyed = made("sheets", opened<UnitSheet[]>);
  const found = made("found", opened<(UnitConcepts | null)[]>);
  const masks = made("masks", opened<Partial<ConceptMasks>>);
  const tiles = made("pictures", developed);
  // Units appear with their pictures, not before them.
  const sheets = computed<Sheet[]>(() =>
    tiles.value ? (surveyed.value ?? []).map((one, i) => ({ ...one, ...found.value?.[i] })) : [],
  );
  const values = once(floats);
  const [layer, unit, concept] = [signal(0), signal(0), signal(-1)];
  const [search, kind] = [signal(""), signal("")];
  const order = signal<Order>("number");
  const limit = signal(about.peek().iou || SMALLEST);
  let usual = about.peek().iou;
  onChange(model, closed, "about", () => {
    if (about.peek().iou === usual) return; // counted again, and the reader's limit stays
    usual = about.peek().iou;
    limit.value = usual || SMALLEST;
  });

  const sheet = computed(() => sheets.value[layer.value] ?? null);
  const categories = computed(() => [
    ...new Set(about.value.concepts.map(({ category }) => category)),
  ]);
  const numbers = computed(() =>
    about.value.concepts.map(({ category }) => categories.value.indexOf(category)),
  );
  const known = new WeakMap<Sheet, Labels>();
  const labels = (of: Sheet): Labels => {
    const made =
      known.get(of) ?? labelsOf(of.ious ? values(of.ious) : NONE, of.ious?.shape[1] ?? 0);
    known.set(of, made);
    return made;
  };
  const counts = computed(() =>
    sheets.value.map((one) => count(labels(one), limit.value, numbers.value)),
  );
  const turnedLabels = computed(() => sheets.value.map((one) => turnedOf(one, values)));
  const turned = computed(() =>
    sheets.value.map((one, i) =>
      along(turnedLabels.value[i], limit.value, numbers.value, one.spread ?? 0),
    ),
  );
  const labelOf = (one: number) => {
    const found = sheet.value && labels(sheet.value);
    const card = found && about.value.concepts[found.concept[one]];
    return card ? { card, iou: found.iou[one], detector: detects(found, one, limit.value) } : null;
  };
  const pOf = (one: number): number => {
    const { p } = sheet.value ?? {};
    return p ? values(p)[one] || 1 : 1;
  };
  const isKind = (one: number): boolean => {
    if (!kind.value) return true;
    const label = labelOf(one);
    if (kind.value === "sure") return !!label?.detector && pOf(one) <= SELDOM;
    return !!label?.detector && (kind.value === "any" || label.card.category === kind.value);
  };
  const listed = computed(() => {
    const found = sheet.value;
    if (!found) return [];
    const units = Array.from({ length: found.units }, (_, i) => i);
    const kept = units.filter(
      (one) => isKind(one) && fits(search.value, one, labelOf(one)?.card.name ?? ""),
    );
    if (order.value === "number") return kept;
    const by = order.value === "iou" ? labels(found).iou : values(found.active);
    return kept.sort((a, b) => (by[b] ?? 0) - (by[a] ?? 0));
  });

  const select = (chosen: number, of = layer.peek()): void => {
    layer.value = of;
    unit.value = chosen;
    concept.value = -1;
    void requests.ask("select_unit", { layer: sheet.peek()?.layer, unit: chosen });
  };
  const off = trait("off", filled<UnitsOff>);
  const silenced = computed(
    () => new Set(off.value?.layer === sheet.value?.layer ? off.value?.units : []),
  );
  const places = computed(() => {
    const { pairs } = masks.value ?? {};
    const flat = pairs ? values(pairs) : NONE;
    return new Map(
      Array.from({ length: flat.length / 2 }, (_, i) => [key(flat[2 * i], flat[2 * i + 1]), i]),
    );
  });
  return {
    ...requests,
    about,
    status: trait("status"),
    sheets,
    layer,
    sheet,
    search,
    order,
    face: signal<Face>("pictures"),
    kind,
    limit,
    categories,
    labels,
    counts,
    turned,
    labelOf,
    listed,
    unit,
    concept,
    off,
    silenced,
    switchOff(units) {
      const args = { layer: sheet.peek()?.layer, units: [...units] };
      void requests.ask("switch_units", args, "off");
    },
    select,
    walk(event, columns) {
      const all = listed.peek();
      const by = {
        ArrowRight: 1,
        ArrowLeft: -1,
        ArrowDown: columns,
        ArrowUp: -columns,
        Home: -all.length,
        End: all.length,
      }[event.key];
      if (!by || !all.length) return;
      event.preventDefault();
      const at = all.indexOf(unit.peek());
      select(all[at < 0 ? 0 : clamp(at + by, 0, all.length - 1)]);
    },
    values,
    tiles,
    mask(place, of) {
      const at = places.value.get(key(place, of));
      const { bits } = masks.value ?? {};
      if (at === undefined || !bits || !tiles.value) return null;
      const [height, width] = tiles.value.size;
      const row = bytes(bits.data).subarray(at * bits.shape[1], (at + 1) * bits.shape[1]);
      return unpacked(row, height * width);
    },
  };
}

/** The units along each set of random axes, with their best concepts. */
function turnedOf(one: Sheet, values: (array: WireArray) => Float32Array): Labels[] {
  if (!one.turned || !one.turned_concepts) return [];
  const [ious, concepts] = [values(one.turned), values(one.turned_concepts)];
  return Array.from({ length: one.turned.shape[0] }, (_, i) => {
    const [start, end] = [i * one.units, (i + 1) * one.units];
    return {
      iou: ious.subarray(start, end),
      concept: Int32Array.from(concepts.subarray(start, end)),
    };
  });
}

const NONE = new Float32Array(0);
const key = (place: number, concept: number): number => place * 65536 + concept;
