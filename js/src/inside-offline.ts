/**
 * The host of exported pages for widgets that look inside a network.
 *
 * `library` holds for "cell <concept>|<layer>" and "picture <number>" the traits that change when a
 * reader turns to them.
 */

import { createHost, obeying, type Saved, start } from "./host";
import widget from "./inside";
import type { Model } from "./requests";
import type { InsideCommand, Request } from "./wire";

/** A model that answers commands from what the page holds. */
export function createOfflineModel({ state, library = {} }: Saved): Model {
  const host = createHost(state);
  function turn(to: string): null {
    if (!library[to]) throw new Error("This page does not hold that. Run the notebook to get it.");
    host.write(library[to]);
    return null;
  }
  function obey({ args, ...request }: Request): unknown {
    const name = request.name as InsideCommand;
    switch (name) {
      case "select_unit":
        return null;
      case "choose_cell":
        return turn(`cell ${args.concept}|${args.layer}`);
      case "look_closely":
        return turn(`picture ${args.index}`);
      case "copy_python":
        return state._code;
      case "switch_units":
      case "set_quantile":
      case "set_target":
      case "lasso_concept":
      case "brush_concept":
      case "remove_concept":
      case "retry":
      case "cancel":
        throw new Error("This page has no kernel: the network cannot be asked.");
      default: {
        const never: never = name;
        return never;
      }
    }
  }
  return obeying(host, obey);
}

if (typeof document !== "undefined") start("inside", widget, createOfflineModel);
