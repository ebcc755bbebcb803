/** The widget `dissect`: what the units of a network's layers answer to. */

import { percent } from "../numbers";
import { CopyPython } from "../ui/copy";
import { Button, Popover, Segments, Slider } from "../ui/parts";
import { UnitDetail } from "./detail";
import { Kind, UnitGrid } from "./grid";
import { LayerBars } from "./layers";
import { OffView } from "./off";
import { Plane } from "./plane";
import type { DissectStore } from "./store";

export function Dissect({ store }: { store: DissectStore }) {
  const { title, count, live, linked, concepts } = store.about.value;
  const sheet = store.sheet.value;
  return (
    <div class="xw-box">
      <header class="xw-header">
        <h2 class="xw-title">{title}</h2>
        <p class="xw-target">
          {count > 0 && `what its units answer to, over ${count} inputs`}
          {concepts.length > 0 && ` and ${concepts.length} concepts`}
        </p>
        <span class="xw-spring" />
        {linked && sheet && <span class="xw-muted">linked: the relevance of the chosen unit</span>}
        <Notes store={store} />
        <CopyPython store={store} />
      </header>
      <Working store={store} />
      {!live && (
        <p class="xw-notice xw-calm">
          This page has no kernel: units can be searched, counted and compared, the network cannot
          be asked.
        </p>
      )}
      {sheet && (
        <>
          {concepts.length > 0 && <Detectors store={store} />}
          <Bar store={store} />
          <OffView store={store} />
          <div class="xw-dissected">
            {store.face.value === "plane" ? (
              <Plane store={store} sheet={sheet} />
            ) : (
              <UnitGrid store={store} sheet={sheet} />
            )}
            <UnitDetail store={store} sheet={sheet} />
          </div>
        </>
      )}
    </div>
  );
}

/** What was measured, and where not to trust it. */
function Notes({ store }: { store: DissectStore }) {
  const { facts, warnings } = store.about.value;
  if (!facts.length && !warnings.length) return null;
  return (
    <Popover
      label="What was measured, and where not to trust it"
      {...(warnings.length ? { icon: "warn" as const } : {})}
      text={warnings.length ? `${warnings.length} to know` : "?"}
    >
      {() => (
        <div class="xw-notes">
          {warnings.map((words) => (
            <p key={words} class="xw-warning">
              {words}
            </p>
          ))}
          {facts.map((words) => (
            <p key={words}>{words}</p>
          ))}
        </div>
      )}
    </Popover>
  );
}

/** What is being done, what went wrong, or nothing. */
function Working({ store }: { store: DissectStore }) {
  const { status, progress, message } = store.status.value;
  const problem =
    store.problems.value[""] || (status === "error" || status === "cancelled" ? message : "");
  if (problem) {
    return (
      <p class="xw-notice" role="alert">
        {problem}
      </p>
    );
  }
  if (status === "done") return null;
  return (
    <div class="xw-drawing" role="status">
      <div
        class="xw-track"
        role="progressbar"
        aria-label={message}
        aria-valuenow={Math.round(100 * progress)}
      >
        <i style={{ width: `${100 * progress}%` }} />
      </div>
      <span class="xw-muted">
        {message}
        {status === "running" ? `, ${percent(progress)}` : ""}
      </span>
      {status === "running" && (
        <Button
          icon="close"
          label="Cancel"
          text="Cancel"
          onClick={() => void store.ask("cancel")}
        />
      )}
    </div>
  );
}

/** From which IoU on a unit counts as a detector, and what every layer then detects. */
function Detectors({ store }: { store: DissectStore }) {
  const counts = store.counts.value[store.layer.value];
  const sheet = store.sheet.value;
  if (!sheet) return null;
  const { detectors, unique } = counts;
  return (
    <section class="xw-detectors" aria-label="Detectors">
      <div class="xw-counted">
        <Slider
          label="A detector from an IoU of"
          text={store.limit.value.toFixed(3)}
          low={0.005}
          high={0.5}
          step={0.005}
          value={store.limit.value}
          onInput={(value) => {
            store.limit.value = value;
          }}
        />
        <p role="status">
          <b>{detectors}</b> of {sheet.units} units of {sheet.layer} are detectors (
          {percent(detectors / sheet.units)}), of <b>{unique}</b> concepts
        </p>
        <p class="xw-kinds" hidden={store.categories.value.length < 2}>
          {store.categories.value.map((category) => (
            <span key={category}>
              <Kind store={store} category={category} />
              {category}
            </span>
          ))}
        </p>
      </div>
      <LayerBars store={store} />
    </section>
  );
}

/** Which units are listed, in which order, and by what they are shown. */
function Bar({ store }: { store: DissectStore }) {
  const { concepts, live } = store.about.value;
  const sheet = store.sheet.value;
  const listed = store.listed.value;
  const known = concepts.length > 0;
  return (
    <div class="xw-display" role="toolbar" aria-label="Which units">
      {store.sheets.value.length > 1 && !known && (
        <select
          class="xw-select"
          aria-label="Layer"
          value={String(store.layer.value)}
          onChange={(event) => store.select(0, Number(event.currentTarget.value))}
        >
          {store.sheets.value.map(({ layer, units }, i) => (
            <option key={layer} value={String(i)}>
              {`${layer} (${units})`}
            </option>
          ))}
        </select>
      )}
      <input
        type="search"
        class="xw-search"
        aria-label="Search units"
        placeholder={known ? "Search: a number or a concept" : "Search: a number"}
        value={store.search.value}
        onInput={(event) => {
          store.search.value = event.currentTarget.value;
        }}
      />
      {known && (
        <select
          class="xw-select"
          aria-label="Show units"
          value={store.kind.value}
          onChange={(event) => {
            store.kind.value = event.currentTarget.value;
          }}
        >
          <option value="">all units</option>
          <option value="any">detectors</option>
          {store.categories.value.map((category) => (
            <option key={category} value={category}>{`detectors: ${category}`}</option>
          ))}
        </select>
      )}
      <select
        class="xw-select"
        aria-label="Order"
        value={store.order.value}
        onChange={(event) => {
          store.order.value = event.currentTarget.value as typeof store.order.value;
        }}
      >
        <option value="number">by number</option>
        {known && <option value="iou">best IoU first</option>}
        <option value="active">most active first</option>
      </select>
      <Segments
        label="Units as"
        value={store.face.value}
        choices={[
          ["pictures", "Pictures"],
          ...(sheet?.filters ? [["filters", "Filters"] as const] : []),
          ["plane", "Likeness"],
        ]}
        onPick={(value) => {
          store.face.value = value;
        }}
      />
      <span class="xw-muted" role="status">
        {listed.length} of {sheet?.units ?? 0} units
      </span>
      {live && listed.length > 0 && listed.length < (sheet?.units ?? 0) && (
        <Button
          label="Let the network do without the units that are listed"
          text={`Switch these ${listed.length} off`}
          class="xw-framed"
          onClick={() => store.switchOff(listed)}
        />
      )}
    </div>
  );
}
