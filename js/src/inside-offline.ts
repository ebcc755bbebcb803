/** The host of exported pages for widgets that look inside a network. */

import { createHost, obeying, type Saved, start } from "./host";
import widget from "./inside";
import type { Model } from "./requests";
import type { InsideCommand, Request } from "./wire";

/** A model that answers commands from what the page holds. */
export function createOfflineModel({ state }: Saved): Model {
  const host = createHost(state);
  function obey(request: Request): unknown {
    const name = request.name as InsideCommand;
    switch (name) {
      case "select_unit":
        return null;
      case "copy_python":
        return state._code;
      case "switch_units":
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
