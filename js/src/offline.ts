/**
 * The host of exported pages for widgets that explain decisions.
 *
 * `library` holds for "<input>|<indices>" the traits that change when that input or target is chosen.
 */

import { createHost, obeying, type Saved, start, type Traits } from "./host";
import widget from "./index";
import { along } from "./masking/masks";
import type { Model } from "./requests";
import { flowName, slotName } from "./store";
import { badgesName } from "./trust/state";
import type { Command, MaskCurves, MaskScores, MaskSettings, PanelCard, Request } from "./wire";

/** A model that answers commands from what the page holds. */
export function createOfflineModel({ state, library = {} }: Saved): Model {
  const host = createHost(state);
  const { write } = host;
  const indices = (): number[] => (state.target as { indices: number[] }).indices;
  const input = (): number => (state.scene as { index?: number }).index ?? 0;

  // What the page opened with is one of its choices too.
  const opened = `${input()}|${indices()}`;
  if (!library[opened]) {
    const touched = new Set(Object.values(library).flatMap(Object.keys));
    library[opened] = Object.fromEntries([...touched].map((name) => [name, state[name]]));
  }

  const cards = (): PanelCard[] => state.panels as PanelCard[];

  /** Keep a held panel's way through an experiment among traits that are about to be written. */
  function hold(traits: Traits, panel: string): void {
    const now = state.trails as Record<string, { film: number }> | undefined;
    const film = now?.[panel]?.film;
    if (!now || film === undefined) return;
    traits.trails = { ...(traits.trails as object), [panel]: now[panel] };
    const frames = state.frames as Record<number, unknown>;
    traits.frames = { ...(traits.frames as object), [film]: frames[film] };
  }

  /** Write what the library holds under a key, except for what held panels show. */
  function show(key: string): void {
    const { panels: _ours, ...traits } = library[key];
    for (const { pinned, slot, id } of cards()) {
      if (!pinned) continue;
      delete traits[slotName(slot)];
      delete traits[flowName(slot)];
      delete traits[badgesName(slot)];
      hold(traits, id);
    }
    write(traits);
    const settings = state.masking_settings as MaskSettings | undefined;
    const scores = traits.mask_scores as Partial<MaskScores> | undefined;
    if (settings?.on && scores?.turn !== settings.turn) mask(settings);
  }

  function choose(keys: string[], missing: string): void {
    const key = keys.find((one) => library[one]);
    if (key === undefined) throw new Error(missing);
    show(key);
  }

  function panels(change: (all: PanelCard[]) => PanelCard[]): void {
    write({ panels: change([...cards()]) });
  }

  /** New settings of masking, with scores read off the curves that the page holds. */
  function mask(settings: MaskSettings): void {
    const curves = state.mask_curves as Partial<MaskCurves>;
    const { x = [], lines = [], random, unit = "probability" } = curves;
    const share = settings.share / 100;
    const [kind, at] =
      settings.mode === "remove"
        ? (["deletion", share] as const)
        : (["insertion", settings.mode === "keep" ? 1 - share : share] as const);
    const panels: MaskScores["panels"] = {};
    for (const line of lines) {
      const slot = cards().find(({ id }) => id === line.panel)?.slot ?? 0;
      panels[line.panel] = {
        request: (state[slotName(slot)] as { request?: number })?.request ?? 0,
        intact: line.deletion.y[0],
        masked: along(x, line[kind].y, at),
        random: random ? along(x, random[kind].y, at) : Number.NaN,
      };
    }
    const scores: MaskScores = { turn: settings.turn, unit, panels, problem: "" };
    write({ masking_settings: settings, mask_scores: scores });
  }

  function obey({ args, ...request }: Request): unknown {
    const name = request.name as Command;
    switch (name) {
      case "select_input": {
        const mine = Object.keys(library).filter((key) => key.startsWith(`${args.index}|`));
        choose(
          [`${args.index}|${indices()}`, ...mine],
          "This page holds no explanation of that input. Run the notebook to get one.",
        );
        return null;
      }
      case "set_target":
        choose(
          [`${input()}|${args.indices}`],
          "This page holds no explanation of that class. Run the notebook to get one.",
        );
        return null;
      case "set_display":
        write({ display: args.display });
        return null;
      case "set_region":
        write({ region: args.region ?? {} });
        return null;
      case "remove_panel":
        panels((all) => all.filter(({ id }) => id !== args.panel));
        return null;
      case "move_panel":
        panels((all) => {
          const from = all.findIndex(({ id }) => id === args.panel);
          const [moved] = all.splice(from, 1);
          all.splice(Number(args.to), 0, moved);
          return all;
        });
        return null;
      case "pin_panel":
        panels((all) =>
          all.map((card) =>
            card.id === args.panel ? { ...card, pinned: args.pinned === true } : card,
          ),
        );
        show(`${input()}|${indices()}`);
        return null;
      case "set_masking":
        mask(args.masking as MaskSettings);
        return null;
      case "set_trust":
        write({
          trust_settings: { ...(state.trust_settings as object), ...(args.trust as object) },
        });
        return null;
      case "copy_python":
        return state._code;
      case "set_experiment":
      case "show_step":
      case "fill_steps":
      case "stop_steps":
      case "send_frames":
      case "sweep_knob":
      case "use_step":
      case "draw_curves":
      case "stop_curves":
      case "show_flow":
      case "stop_flow":
      case "set_knob":
      case "add_panel":
      case "answer_trial":
      case "next_trial":
      case "cancel":
      case "retry":
        throw new Error("This page has no kernel: methods cannot be rerun.");
      default: {
        const never: never = name;
        return never;
      }
    }
  }

  return obeying(host, obey);
}

if (typeof document !== "undefined") start("widget", widget, createOfflineModel);
