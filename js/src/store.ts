/** What one view knows: Python's traits as signals, and what only the reader's hand changes. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { bytes, floats, pixels } from "./arrays";
import { table } from "./colour";
import { type Scale, scaleFor } from "./display";
import { createWalk, type Walk } from "./experiment/state";
import { type Point, WHOLE, type Zoom } from "./geometry";
import { createMasking, type Masking } from "./masking/state";
import { createRequests, type Model, type Requests } from "./requests";
import { settle } from "./timing";
import { filled, followTrait, onChange, once } from "./traits";
import { badgesName, createTrust, type Trust } from "./trust/state";
import type {
  About,
  Badges,
  ColourMap,
  Display,
  FlowCard,
  HeatmapAnswer,
  PanelCard,
  PanelStatus,
  Region,
  Scene,
  Sign,
  StripItem,
  TargetCard,
  Array as WireArray,
} from "./wire";

export const SLOTS = 24;

/** The name of the trait that a slot's answer travels in. */
export const slotName = (slot: number): string => `slot_${String(slot).padStart(2, "0")}`;

/** The name of the trait that the flow of a slot's answer travels in. */
export const flowName = (slot: number): string => slotName(slot).replace("slot", "flow");

export interface Store extends Requests {
  closed: AbortSignal;
  about: ReadonlySignal<About>;
  strip: ReadonlySignal<StripItem[]>;
  scene: ReadonlySignal<Scene | null>;
  target: ReadonlySignal<TargetCard>;
  panels: ReadonlySignal<PanelCard[]>;
  status: ReadonlySignal<Record<string, PanelStatus>>;
  notice: ReadonlySignal<{ message?: string }>;
  /** An experiment that every panel is followed through. */
  walk: Walk;
  answers: ReadonlySignal<HeatmapAnswer | null>[];
  /** Where the relevance of the answer in a slot went, where somebody asked. */
  flows: ReadonlySignal<FlowCard | null>[];
  display: ReadonlySignal<Display>;
  region: Signal<Region | null>;
  /** The pixel of the picture that every read-out speaks of. */
  cross: Signal<Point | null>;
  zoom: Signal<Zoom>;
  /** Words for a screen reader. */
  spoken: Signal<string>;
  dragged: Signal<string>;
  colourMap: ReadonlySignal<ColourMap>;
  /** The colour map as canvas pixels. */
  palette: ReadonlySignal<Uint32Array>;
  /** Whether an input is a row of parts: of tokens, or of a table's columns. */
  row: ReadonlySignal<boolean>;
  /** Whether it is one of a table. */
  table: ReadonlySignal<boolean>;
  /** Whether every column of a table is shown, or the first of each panel. */
  unfolded: Signal<boolean>;
  /** Width and height of the picture; of a text its tokens and 1, of a table its columns and 1. */
  size: ReadonlySignal<[number, number]>;
  scaleOf(sign: Sign): Scale;
  show(change: Partial<Display>): void;
  /** Tell Python the region that a hand has finished drawing. */
  keepRegion(region: Region | null): void;
  masking: Masking;
  trust: Trust;
  /** An array's values, decoded once. */
  values(array: WireArray): Float32Array;
  /** A picture's pixels, decoded once. */
  pixels(array: WireArray): Uint32Array<ArrayBuffer>;
}

export function createStore(model: Model, closed: AbortSignal): Store {
  const requests = createRequests(model, closed);
  const follow = (name: string, take: () => void) => onChange(model, closed, name, take);
  const trait = <T>(name: string, read?: (value: unknown) => T) =>
    followTrait(model, closed, name, read);

  const about = trait<About>("about");
  const scene = trait("scene", filled<Scene>);
  const region = trait("region", filled<Region>);

  const display = signal(model.get("display") as Display);
  let ahead = false; // the reader has changed something that Python has not heard of
  follow("display", () => {
    if (!ahead) display.value = model.get("display") as Display;
  });
  const report = settle(400, 1e9, closed, () => {
    ahead = false;
    const args = { display: display.peek() };
    model.set("display", args.display);
    void requests.ask("set_display", args, "display");
  });

  const colourMap = computed(() => {
    const { colour_maps: all } = about.value;
    return all.find((map) => map.name === display.value.colour_map) ?? all[0];
  });
  const drawn = once(pixels);
  const panels = trait<PanelCard[]>("panels");
  const spoken = signal("");
  const slots = Array.from({ length: SLOTS }, (_, k) => k);

  return {
    ...requests,
    closed,
    about,
    scene,
    region,
    display,
    colourMap,
    strip: trait("strip"),
    target: trait("target"),
    panels,
    status: trait("status"),
    notice: trait("notice"),
    walk: createWalk(model, {
      requests,
      closed,
      trait,
      panels,
      spoken,
      live: () => about.peek().live,
    }),
    answers: slots.map((k) => trait(slotName(k), filled<HeatmapAnswer>)),
    flows: slots.map((k) => trait(flowName(k), filled<FlowCard>)),
    cross: signal<Point | null>(null),
    zoom: signal(WHOLE),
    spoken,
    dragged: signal(""),
    palette: computed(() => table(colourMap.value)),
    row: computed(() => about.value.kind === "text" || about.value.kind === "table"),
    table: computed(() => about.value.kind === "table"),
    unfolded: signal(false),
    size: computed(() => {
      const [height, width] = scene.value?.picture?.shape ?? [1, scene.value?.tokens?.length || 1];
      return [width, height];
    }),
    scaleOf: (sign) => scaleFor(sign, colourMap.value.diverging),
    show(change) {
      ahead = true;
      display.value = { ...display.peek(), ...change };
      report();
    },
    keepRegion(value) {
      region.value = value;
      void requests.ask("set_region", { region: value });
    },
    masking: createMasking(model, {
      requests,
      closed,
      follow,
      scene,
      pixels: drawn,
      bytes: once(({ data }) => bytes(data)),
    }),
    trust: createTrust({
      requests,
      follow,
      read: (name) => model.get(name),
      panels,
      badges: slots.map((k) => trait(badgesName(k), filled<Badges>)),
    }),
    values: once(floats),
    pixels: drawn,
  };
}
