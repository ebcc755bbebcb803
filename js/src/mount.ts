/** What anywidget loads: a module whose `render` puts a widget on the page, chosen by its `_kind`. */

import { type ComponentChild, render as draw } from "preact";
import type { Model } from "./requests";
import { followTheme } from "./theme";

/** From a model to what is drawn; it lives until the view is closed. */
type View = (model: Model, closed: AbortSignal) => ComponentChild;

interface RenderArguments {
  model: Model;
  el: HTMLElement;
  /** Newer hosts end a view by this; older ones call what `render` returns. */
  signal?: AbortSignal;
}

export interface Widget {
  render(view: RenderArguments): () => void;
}

/** Keys pressed in the widget are the widget's: notebooks have one-key shortcuts of their own. */
function keepKeys(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "focusin",
    ({ target }) => (target as Element).setAttribute("data-lm-suppress-shortcuts", "true"),
    { signal },
  );
  root.addEventListener(
    "keydown",
    (event) => {
      event.stopPropagation();
      // Escape closes an open layer first; the browser does that after this listener.
      const layer = root.querySelector(":popover-open");
      if (event.key === "Escape" && !layer) (event.target as HTMLElement).blur();
    },
    { signal },
  );
}

/** The widget of the bundle of that name, from its views by kind. */
export function widget(bundle: string, views: Record<string, View>): Widget {
  return {
    render({ model, el, signal }) {
      const closing = new AbortController();
      const root = document.createElement("div");
      root.className = "xw-root";
      root.dataset.bundle = bundle;
      el.append(root);
      followTheme(root, closing.signal);
      keepKeys(root, closing.signal);

      const kind = String(model.get("_kind"));
      if (Object.hasOwn(views, kind)) {
        draw(views[kind](model, closing.signal), root);
      } else {
        root.textContent = `This page's version of xaiwidgets has no view called '${kind}'. Reload the page.`;
      }

      const close = (): void => {
        if (closing.signal.aborted) return;
        draw(null, root);
        closing.abort();
        root.remove();
      };
      signal?.addEventListener("abort", close);
      return close;
    },
  };
}
