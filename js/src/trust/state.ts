/** What a view knows of trust: the badges of every slot, and the order in which panels stand. */

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Requests } from "../requests";
import {
  type BadgeCard,
  type BadgeState,
  type Badges,
  DEFAULT_TRUST,
  type PanelCard,
  type TrustSettings,
} from "../wire";

export interface Trust {
  settings: ReadonlySignal<TrustSettings>;
  /** The badges in every slot. */
  badges: ReadonlySignal<Badges | null>[];
  /** How many badges are open, of how many. */
  open: ReadonlySignal<[number, number]>;
  /** The panels as they are shown. */
  sorted: ReadonlySignal<PanelCard[]>;
  set(change: Partial<TrustSettings>): void;
}

interface Needs {
  requests: Requests;
  follow(name: string, take: () => void): void;
  read(name: string): unknown;
  panels: ReadonlySignal<PanelCard[]>;
  badges: ReadonlySignal<Badges | null>[];
}

/** The name of the trait that a slot's badges travel in. */
export const badgesName = (slot: number): string => `badges_${String(slot).padStart(2, "0")}`;

export const isOpen = ({ state }: BadgeCard): boolean =>
  state === "checking" || state === "waiting";

const WORST_FIRST: BadgeState[] = ["poor", "doubtful", "good"];

/** By verdict, the best first and what is not known last, then by number; equals stay as placed. */
export function ranked<T>(all: readonly T[], card: (one: T) => BadgeCard | undefined): T[] {
  const places = new Map(
    all.map((one) => {
      const { state, rank } = card(one) ?? { state: "unknown", rank: null };
      return [one, [WORST_FIRST.indexOf(state), rank ?? 0]] as const;
    }),
  );
  const place = (one: T) => places.get(one) as readonly number[];
  return [...all].sort((a, b) => place(b)[0] - place(a)[0] || place(b)[1] - place(a)[1]);
}

export function createTrust({ requests, follow, read, panels, badges }: Needs): Trust {
  const known = () => (read("trust_settings") ?? DEFAULT_TRUST) as TrustSettings;
  const settings = signal(known());
  let waiting = 0; // changes that Python has not answered
  follow("trust_settings", () => {
    if (!waiting) settings.value = known();
  });

  const cardsOf = ({ slot }: PanelCard): BadgeCard[] => badges[slot].value?.badges ?? [];
  let held = { sort: "", ids: [] as string[] };
  const sorted = computed(() => {
    const { on, sort } = settings.value;
    const all = panels.value;
    if (!on || !sort) return all;
    const card = (panel: PanelCard) => cardsOf(panel).find(({ question }) => question === sort);
    const checking = all.some((panel) => {
      const mine = card(panel);
      return mine && isOpen(mine);
    });
    // While badges are open the panels stand still: one move at the end, not one for every badge.
    if (checking && held.sort === sort) {
      const stood = new Map(held.ids.map((id, i) => [id, i]));
      const place = ({ id }: PanelCard): number => stood.get(id) ?? stood.size;
      return [...all].sort((a, b) => place(a) - place(b));
    }
    const found = ranked(all, card);
    held = { sort, ids: found.map(({ id }) => id) };
    return found;
  });

  return {
    settings,
    badges,
    sorted,
    open: computed(() => {
      const cards = panels.value.flatMap(cardsOf);
      return [cards.filter(isOpen).length, cards.length];
    }),
    async set(change) {
      settings.value = { ...settings.peek(), ...change };
      waiting++;
      await requests.ask("set_trust", { trust: change }, "trust");
      waiting--;
      if (!waiting) settings.value = known();
    },
  };
}
