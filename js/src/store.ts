/** What one view knows: Python's traits as signals, and what only the reader's hand changes. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { bytes } from "./arrays";
import { createEasel, type Easel } from "./easel";
import { createWalk, type Walk } from "./experiment/state";
import { createMasking, type Masking } from "./masking/state";
import { createRequests, type Model, type Requests } from "./requests";
import { settle } from "./timing";
import { filled, followTrait, onChange, once } from "./traits";
import { badgesName, createTrust, type Trust } from "./trust/state";
import type {
  About,
  Badges,
  Display,
  FlowCard,
  HeatmapAnswer,
  PanelCard,
  PanelStatus,
  Region,
  Scene,
  StripItem,
  TargetCard,
} from "./wire";

export const SLOTS = 24;

/** The name of the trait that a slot's answer travels in. */
export const slotName = (slot: number): string => `slot_${String(slot).padStart(2, "0")}`;

/** The name of the trait that the flow of a slot's answer travels in. */
export const flowName = (slot: number): string => slotName(slot).replace("slot", "flow");

export interface Store extends Requests, Easel {
  about: ReadonlySignal<About>;
  strip: ReadonlySignal<StripItem[]>;
  target: ReadonlySignal<TargetCard>;
  panels: ReadonlySignal<PanelCard[]>;
  status: ReadonlySignal<Record<string, PanelStatus>>;
  notice: ReadonlySignal<{ message?: string }>;
  /** An experiment that every panel is followed through. */
  walk: Walk;
  answers: ReadonlySignal<HeatmapAnswer | null>[];
  /** Where the relevance of the answer in a slot went, where somebody asked. */
  flows: ReadonlySignal<FlowCard | null>[];
  dragged: Signal<string>;
  /** Whether every column of a table is shown, or the first of each panel. */
  unfolded: Signal<boolean>;
  show(change: Partial<Display>): void;
  masking: Masking;
  trust: Trust;
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

  const easel = createEasel(closed, about, scene, display);
  const panels = trait<PanelCard[]>("panels");
  const slots = Array.from({ length: SLOTS }, (_, k) => k);

  return {
    ...requests,
    ...easel,
    about,
    region,
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
      spoken: easel.spoken,
      live: () => about.peek().live,
    }),
    answers: slots.map((k) => trait(slotName(k), filled<HeatmapAnswer>)),
    flows: slots.map((k) => trait(flowName(k), filled<FlowCard>)),
    dragged: signal(""),
    unfolded: signal(false),
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
      pixels: easel.pixels,
      bytes: once(({ data }) => bytes(data)),
    }),
    trust: createTrust({
      requests,
      follow,
      read: (name) => model.get(name),
      panels,
      badges: slots.map((k) => trait(badgesName(k), filled<Badges>)),
    }),
  };
}
