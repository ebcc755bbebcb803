/** The module that anywidget loads: one entry for every widget, chosen by `_kind`. */

import { render as draw, h } from "preact";
import { Compare } from "./compare/compare";
import { createPainter } from "./painter";
import { createRequests, type Model } from "./requests";
import { createStore, followTrait } from "./store";
import { Study } from "./study/study";
import { followTheme } from "./theme";
import type { StudyCard } from "./wire";

interface RenderArguments {
  model: Model;
  el: HTMLElement;
  /** Newer hosts end a view by this; older ones call what `render` returns. */
  signal?: AbortSignal;
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

function render({ model, el, signal }: RenderArguments): () => void {
  const closing = new AbortController();
  const root = document.createElement("div");
  root.className = "xw-root";
  el.append(root);
  followTheme(root, closing.signal);
  keepKeys(root, closing.signal);

  const kind = model.get("_kind");
  if (kind === "compare") {
    const store = createStore(model, closing.signal);
    draw(h(Compare, { store, painter: createPainter(store) }), root);
  } else if (kind === "study") {
    const card = followTrait<StudyCard>(model, closing.signal, "card");
    draw(h(Study, { store: { ...createRequests(model, closing.signal), card } }), root);
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
}

export default { render };
