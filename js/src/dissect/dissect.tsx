/** The widget `dissect`: what the units of a network's layers answer to. */

import { percent } from "../numbers";
import { CopyPython } from "../ui/copy";
import { Button, Popover, Segments, Slider } from "../ui/parts";
import { Working } from "../ui/working";
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
      <Working
        work={store.status.value}
        problem={store.problems.value[""]}
        live={live}
        onCancel={() => void store.ask("cancel")}
        onDismiss={() => store.clear("")}
      />
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
        <Turned store={store} />
        <Active store={store} />
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

/** What the same layer detects along random axes, beside what it detects along its own. */
function Turned({ store }: { store: DissectStore }) {
  const turned = store.turned.value[store.layer.value];
  if (!turned) return null;
  const { share, low, high, unique } = turned;
  const interval =
    high > low ? ` (${percent(Math.max(0, low))} to ${percent(Math.min(1, high))})` : "";
  return (
    <p
      class="xw-muted"
      title="The mean, and where it lies with 95 %, over random rotations of the layer"
    >
      {`along random axes ${percent(share)}${interval}, of ${unique.toFixed(1)} concepts`}
    </p>
  );
}

const QUANTILES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05];

/** Which share of a unit's activations counts as active: Python counts again. */
function Active({ store }: { store: DissectStore }) {
  const { quantile, recounts, live } = store.about.value;
  if (!quantile) return null;
  const choices = [...new Set([...QUANTILES, quantile])].sort((a, b) => a - b);
  return (
    <label class="xw-active">
      Active is the top{" "}
      <select
        class="xw-select"
        value={String(quantile)}
        disabled={!live || !recounts}
        title={
          live && recounts
            ? "Which share of a unit's activations counts as active; all is counted again"
            : "Counting with another share asks Python, which needs the data"
        }
        onChange={({ currentTarget }) => {
          void store.ask("set_quantile", { quantile: Number(currentTarget.value) });
          currentTarget.value = String(quantile); // until it is counted
        }}
      >
        {choices.map((one) => (
          <option key={one} value={String(one)}>
            {percent(one)}
          </option>
        ))}
      </select>{" "}
      of its activations
    </label>
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
          {sheet?.draws?.shape[0] ? <option value="sure">detectors with p ≤ 0.05</option> : null}
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
