/** The input and what the network says about it; a click on a class explains that class. */

import { useEffect, useRef } from "preact/hooks";
import { type Point, WHOLE, zoomAt } from "../geometry";
import { BrushBar, stamp } from "../masking/brush-bar";
import { digits, percent } from "../numbers";
import type { Painter } from "../painter";
import type { Store } from "../store";
import { Button, Icon, Slider } from "../ui/parts";
import type { Prediction, Scene } from "../wire";
import { mountStage } from "./stage";

/** The input on screen, and what the network says of it, at the step of an experiment. */
function here(store: Store): (Scene & { step?: string }) | null {
  const { scene, walk } = store;
  const shown = scene.value;
  if (!shown) return null;
  const { index } = shown;
  const key = walk.scene(index, walk.key.value) ? walk.key.value : walk.steady.value;
  const there = walk.scene(index, key);
  return there ? { ...shown, ...there, step: walk.label(key) } : shown;
}

export function SceneView({ store, painter }: { store: Store; painter: Painter }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const closed = new AbortController();
    const options = {
      label: "Input: arrow keys move the crosshair",
      words: ({ x, y }: Point) => (store.row.peek() ? "" : `(${x}, ${y})`),
      sheet: {
        array: () => null,
        picture: () => here(store)?.picture ?? null,
        veil: () => store.masking.paint.value,
      },
      hand: {
        side: () => (store.masking.settings.value.on ? store.masking.brush.value : 0),
        stamp: (at: Point, fresh: boolean) => stamp(store, at, fresh),
      },
    };
    if (host.current) mountStage(host.current, store, painter, options, closed.signal);
    return () => closed.abort();
  }, []);
  const scene = here(store);
  // Bars keep their order at a step of an experiment, whichever is the longest there.
  const first = [...(scene?.predictions ?? [])].sort((a, b) => b.logit - a.logit)[0]?.name;
  return (
    <aside class="xw-scene">
      <div class="xw-stage" ref={host} />
      {store.depth.value > 1 && <SliceBar store={store} />}
      {!store.table.value && <ZoomBar store={store} />}
      {store.masking.settings.value.on && !store.row.value && <BrushBar store={store} />}
      {scene ? (
        <div class="xw-says">
          <p class="xw-name" title={scene.name}>
            {store.about.value.kind !== "text" && scene.name}
            {scene.step && <i> · {scene.step}</i>}
          </p>
          {scene.truth !== null && (
            <p class={`xw-truth ${scene.truth === first ? "xw-right" : "xw-wrong"}`}>
              <Icon name={scene.truth === first ? "check" : "close"} />
              <span>
                true class <b>{scene.truth}</b>
              </span>
            </p>
          )}
          <Predictions store={store} predictions={scene.predictions} />
          {scene.note && <p class="xw-note">{scene.note}</p>}
        </div>
      ) : (
        <p class="xw-note">Looking at the input …</p>
      )}
    </aside>
  );
}

/** Through a volume: every panel shows the same slice. */
function SliceBar({ store }: { store: Store }) {
  const { slice } = store.display.value;
  const last = store.depth.value - 1;
  return (
    <Slider
      label="Slice"
      help="of the volume, the same in every panel; also Page Up and Page Down on a panel"
      low={0}
      high={last}
      step={1}
      value={slice}
      text={`${slice} (0 to ${last})`}
      onInput={(next) => store.show({ slice: next })}
    />
  );
}

function ZoomBar({ store }: { store: Store }) {
  const { zoom, region } = store;
  const { k } = zoom.value;
  const area = region.value;
  const { settings, brush } = store.masking;
  const painting = settings.value.on && brush.value > 0;
  const text = store.row.value;
  const by = (factor: number): void => {
    zoom.value = zoomAt(zoom.peek(), factor, 0.5, 0.5);
  };
  return (
    <div class="xw-zoom">
      {!text && (
        <>
          <Button icon="minus" label="Zoom out" disabled={k === 1} onClick={() => by(1 / 1.5)} />
          <Button
            label="Whole picture"
            text={`${Math.round(k * 100)} %`}
            onClick={() => {
              zoom.value = WHOLE;
            }}
          />
          <Button icon="plus" label="Zoom in" onClick={() => by(1.5)} />
        </>
      )}
      {area ? (
        <Button
          icon="close"
          label={text ? "Clear the range" : "Clear the region"}
          class="xw-clear"
          text={
            text
              ? `tokens ${area.x0 + 1} to ${area.x1}`
              : `${area.x1 - area.x0} × ${area.y1 - area.y0} px`
          }
          onClick={() => store.keepRegion(null)}
        />
      ) : (
        <span class="xw-muted">drag to {painting ? "paint" : "select"}</span>
      )}
    </div>
  );
}

function Predictions({ store, predictions }: { store: Store; predictions: Prediction[] }) {
  const [explained, against] = store.target.value.indices;
  const alone = predictions.length < 2; // a quantity, and no class among others
  const aim = (...indices: number[]): void => void store.ask("set_target", { indices });
  const contrast = (index: number): void => {
    const base = explained ?? predictions[0].index;
    if (index === against) aim(base);
    else if (index !== base) aim(base, index);
  };
  return (
    <ul class="xw-bars" aria-label="Predictions">
      {predictions.map(({ index, name, probability, logit }) => (
        <li
          key={index}
          class={index === explained ? "xw-explained" : index === against ? "xw-against" : ""}
        >
          <button
            type="button"
            class="xw-bar"
            aria-pressed={index === explained}
            title={`${name}: logit ${logit.toFixed(2)}. Click explains it, shift-click subtracts it.`}
            onClick={(event) => (event.shiftKey ? contrast(index) : aim(index))}
          >
            <span class="xw-class">{name}</span>
            <span class="xw-share">{alone ? digits(logit) : percent(probability)}</span>
            {!alone && <i style={`--xw-at:${Math.min(1, Math.max(0, probability))}`} />}
          </button>
          <Button
            icon="minus"
            class="xw-subtract"
            label={index === against ? `Stop subtracting ${name}` : `Subtract ${name}`}
            pressed={index === against}
            disabled={index === explained}
            onClick={() => contrast(index)}
          />
        </li>
      ))}
    </ul>
  );
}
