/** The widget `concepts`: which human ideas a class's score goes by, with ideas made by hand. */

import { CopyPython } from "../ui/copy";
import { Keys } from "../ui/keys";
import { Segments } from "../ui/parts";
import { Working } from "../ui/working";
import { CloseLook } from "./close";
import { MakeBar } from "./make";
import { Mosaic } from "./mosaic";
import { Axes, Scatter } from "./scatter";
import type { ConceptsStore } from "./store";
import { ScoreTable } from "./table";

const KEYS = [
  ["arrows", "in the scores: the next concept or layer; in the pictures: the next one"],
  ["in a plane", "left and right go by one axis, up and down by the other"],
  ["space", "in the pictures: look closely, or take into the lasso; under the brush: stamp"],
  ["drag", "lasso: around pictures; brush: paint in the large picture"],
  ["Esc", "leave"],
] as const;

export function Concepts({ store }: { store: ConceptsStore }) {
  const { live, note } = store.about.value;
  const grid = store.grid.value;
  const axes = store.face.value === "plane" && store.axes.value;
  return (
    <section class="xw-box xw-concepts" aria-label="Concepts">
      <Header store={store} />
      <Working
        work={store.work.value}
        problem={store.problems.value[""]}
        live={live}
        onCancel={() => void store.ask("cancel")}
        onRetry={() => void store.ask("retry")}
        onDismiss={() => store.clear("")}
      />
      {!live && (
        <p class="xw-notice xw-calm">
          This page has no kernel: scores, order and maps can be looked through, concepts cannot be
          made.
        </p>
      )}
      {note && <p class="xw-facts">{note}</p>}
      <ScoreTable store={store} />
      {grid && (
        <div class="xw-facts xw-said">
          {grid.warnings.map((words) => (
            <p class="xw-warning" key={words}>
              {words}
            </p>
          ))}
          <p>{grid.facts.join(" ")}</p>
        </div>
      )}
      <Tools store={store} />
      <MakeBar store={store} />
      <div class="xw-looking">
        {axes ? <Scatter {...{ store, axes }} /> : <Mosaic store={store} />}
        <CloseLook store={store} />
      </div>
      <div class="xw-hidden" aria-live="polite">
        {store.spoken}
      </div>
    </section>
  );
}

function Header({ store }: { store: ConceptsStore }) {
  const { title, classes, live } = store.about.value;
  const { label, indices } = store.target.value;
  const grid = store.grid.value;
  return (
    <header class="xw-header">
      <h2 class="xw-title">{title}</h2>
      <p class="xw-target">
        what moves the score of{" "}
        {live && classes.length > 0 ? (
          <select
            class="xw-select"
            aria-label="Class"
            value={indices.length === 1 ? String(indices[0]) : ""}
            onChange={(event) =>
              void store.ask("set_target", { indices: [Number(event.currentTarget.value)] })
            }
          >
            {indices.length !== 1 && <option value="">{label}</option>}
            {classes.map((name, i) => (
              <option key={name} value={String(i)}>
                {name}
              </option>
            ))}
          </select>
        ) : (
          <b>{label}</b>
        )}
      </p>
      {grid && <span class="xw-muted">{grid.asked} pictures asked</span>}
      <span class="xw-spring" />
      <Segments
        label="What is shown of a score"
        value={store.measure.value}
        choices={[
          ["magnitude", "How much"],
          ["score", "How many"],
        ]}
        onPick={(value) => {
          store.measure.value = value;
        }}
      />
      <CopyPython store={store} />
      <Keys keys={() => KEYS} />
    </header>
  );
}

/** What the pictures are sorted by, what lies on them, and what a hand on them does. */
function Tools({ store }: { store: ConceptsStore }) {
  const { live } = store.about.value;
  const at = store.choice.value;
  const axes = store.face.value === "plane" && store.axes.value;
  const maps = store.maps.value;
  return (
    <div class="xw-display" role="toolbar" aria-label="Pictures">
      <h3 class="xw-strong">Pictures</h3>
      {at && (
        <Segments
          label="How the pictures lie"
          value={store.face.value}
          choices={[
            ["order", "In order"],
            ["plane", "In a plane"],
          ]}
          onPick={(face) => {
            store.face.value = face;
          }}
        />
      )}
      {axes && <Axes {...{ store, axes }} />}
      {at && !axes && (
        <label class="xw-fill">
          <span class="xw-muted">by</span>
          <select
            class="xw-select xw-wide-select"
            aria-label="Order of the pictures"
            value={store.order.value}
            onChange={(event) => {
              store.order.value = event.currentTarget.value as "given" | "likeness" | "slope";
            }}
          >
            <option value="likeness">{`likeness to ${at.concept} at ${at.layer}`}</option>
            <option value="slope">{`change of the score towards ${at.concept}`}</option>
            <option value="given">their numbers</option>
          </select>
        </label>
      )}
      {maps?.maps && (
        <button
          type="button"
          class="xw-toggle"
          aria-pressed={store.overlay.value}
          title={`where the concept is seen: ${maps.words}`}
          onClick={() => {
            store.overlay.value = !store.overlay.value;
          }}
        >
          Map
        </button>
      )}
      {maps && !maps.maps && <span class="xw-muted">{maps.words}</span>}
      <span class="xw-spring" />
      {live && (
        <Segments
          label="What a hand on the pictures does"
          value={store.tool.value}
          choices={[
            ["look", "Look"],
            ["lasso", "Lasso"],
            ["brush", "Brush"],
          ]}
          onPick={(tool) => {
            store.tool.value = tool;
          }}
        />
      )}
    </div>
  );
}
