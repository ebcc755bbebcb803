/** The widget `compare`: one input, many explanations side by side. */

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ExperimentBar } from "../experiment/bar";
import { MaskingBar } from "../masking/bar";
import { CurvesView } from "../masking/curves";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { CopyPython } from "../ui/copy";
import { Keys } from "../ui/keys";
import { Button } from "../ui/parts";
import { AddMethod } from "./add";
import { DisplayBar } from "./display-bar";
import { Panel } from "./panel";
import { SceneView } from "./scene";
import { StripView } from "./strip";

const OF_PICTURES = [
  ["arrows", "move the crosshair (shift: 10 pixels)"],
  ["+  −  0", "zoom in, out, whole picture; also ctrl + wheel"],
  ["drag", "select a region; moves the picture when zoomed (shift selects)"],
  ["r", "begin a region at the crosshair, again to keep it"],
  ["space", "stamp with the brush, at the input's crosshair"],
] as const;
const OF_TEXTS = [
  ["arrows", "go from token to token, up and down by lines (shift: 10 tokens)"],
  ["drag", "select a range of tokens"],
  ["r", "begin a range at the token, again to keep it"],
] as const;
const OF_TABLES = [
  ["arrows", "go from column to column (shift: 10 columns)"],
  ["Home  End", "go to the first column, the last"],
] as const;
const KEYS = [
  ["Esc", "clear the region, then the crosshair, then leave"],
  ["shift + click", "on a class: subtract it from the explained one"],
] as const;

const OF_VOLUMES = [...OF_PICTURES, ["Page Up  Down", "go through the slices"]] as const;

const KEYS_OF = { picture: OF_PICTURES, text: OF_TEXTS, table: OF_TABLES, volume: OF_VOLUMES };

export function Compare({ store, painter }: { store: Store; painter: Painter }) {
  // Whatever the painter reads is read here once, so that a change asks for a frame.
  useEffect(
    () =>
      effect(() => {
        void [store.display.value, store.palette.value, store.zoom.value, store.scene.value];
        painter.ask();
      }),
    [],
  );
  const { live } = store.about.value;
  const message = store.notice.value.message;
  return (
    <div class="xw-box">
      <Header store={store} />
      {message && (
        <p class="xw-notice" role="alert">
          {message}
        </p>
      )}
      <Problem store={store} />
      {!live && (
        <p class="xw-notice xw-calm">
          This page has no kernel: display controls work, methods cannot be rerun.
        </p>
      )}
      <StripView store={store} />
      <div class="xw-body">
        <SceneView store={store} painter={painter} />
        <div class="xw-main">
          <DisplayBar store={store} />
          <ExperimentBar store={store} />
          <MaskingBar store={store} />
          <CurvesView store={store} />
          <div
            class={`xw-grid ${store.walk.card.value ? "xw-wide" : ""} ${store.row.value ? "xw-texts" : ""}`}
          >
            {store.trust.sorted.value.map((panel) => (
              <Panel
                key={panel.id}
                {...{ store, painter, panel, index: store.panels.value.indexOf(panel) }}
              />
            ))}
            {live && <AddMethod store={store} />}
          </div>
        </div>
      </div>
      <div class="xw-hidden" aria-live="polite">
        {store.spoken}
      </div>
    </div>
  );
}

function Problem({ store }: { store: Store }) {
  const words = store.problems.value[""];
  if (!words) return null;
  return (
    <p class="xw-notice" role="alert">
      {words}
      <Button icon="close" label="Dismiss" onClick={() => store.clear("")} />
    </p>
  );
}

function Header({ store }: { store: Store }) {
  const { title, live } = store.about.value;
  const states = Object.values(store.status.value);
  const busy = states.filter(({ status }) => status === "running" || status === "waiting").length;
  return (
    <header class="xw-header">
      <h2 class="xw-title">{title}</h2>
      <p class="xw-target">
        explaining <b>{store.target.value.label}</b>
      </p>
      <span class="xw-spring" />
      {busy > 0 && (
        <>
          <span class="xw-muted">
            {states.length - busy} of {states.length} done
          </span>
          {live && (
            <Button
              icon="close"
              label="Cancel all"
              text="Cancel all"
              onClick={() => store.ask("cancel")}
            />
          )}
        </>
      )}
      <CopyPython store={store} />
      <Keys keys={() => [...KEYS_OF[store.about.value.kind], ...KEYS]} />
    </header>
  );
}
