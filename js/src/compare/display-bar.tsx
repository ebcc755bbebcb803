/** How every map is drawn. All of it happens in the browser. */

import { useSignal } from "@preact/signals";
import { gradient } from "../colour";
import type { Store } from "../store";
import { TrustBar } from "../trust/bar";
import { Button, Icon, Popover, Segments, Slider } from "../ui/parts";
import {
  DEFAULT_DISPLAY,
  type Display,
  type Kind,
  type Order,
  type Scaling,
  type Sign,
} from "../wire";

export const SIGNS: readonly (readonly [Sign, string])[] = [
  ["signed", "Signed"],
  ["positive", "Positive"],
  ["negative", "Negative"],
  ["absolute", "Absolute"],
];
const SCALINGS: readonly (readonly [Scaling, string])[] = [
  ["panel", "Per panel"],
  ["shared", "Shared"],
];

const ORDERS: readonly (readonly [Order, string])[] = [
  ["size", "By size"],
  ["table", "In order"],
];

type Sliding = "clip" | "opacity" | "smoothing" | "keep" | "contour" | "box";
interface Slide {
  key: Sliding;
  label: string;
  low: number;
  high: number;
  step: number;
  help: string;
  said(value: number): string;
  /** The kinds of input for which it means nothing. */
  not?: Kind[];
}
const SLIDES: Slide[] = [
  {
    key: "clip",
    label: "Clip",
    low: 80,
    high: 100,
    step: 0.1,
    help: "the percentile of |value| that gets the full colour",
    said: (x) => `${x} %`,
  },
  {
    key: "opacity",
    label: "Opacity",
    low: 0,
    high: 1,
    step: 0.01,
    help: "of the colours",
    not: ["table"],
    said: (x) => `${Math.round(x * 100)} %`,
  },
  {
    key: "smoothing",
    label: "Smoothing",
    low: 0,
    high: 8,
    step: 0.25,
    help: "width (σ) of a Gaussian blur, in pixels; read-outs stay exact",
    not: ["text", "table", "volume"],
    said: (x) => (x ? `${x} px` : "off"),
  },
  {
    key: "keep",
    label: "Keep top",
    low: 1,
    high: 100,
    step: 1,
    help: "draw only the largest values",
    said: (x) => `${x} %`,
  },
  {
    key: "contour",
    label: "Contour",
    low: 0,
    high: 99.5,
    step: 0.5,
    help: "outline what lies above this percentile of |value|",
    not: ["text", "table"],
    said: (x) => (x ? `${x} %` : "off"),
  },
  {
    key: "box",
    label: "Box",
    low: 0,
    high: 95,
    step: 5,
    help: "box the largest patch above this share of the map's maximum; Truth adds the true box",
    not: ["text", "table", "volume"],
    said: (x) => (x ? `${x} %` : "off"),
  },
];

export function DisplayBar({ store }: { store: Store }) {
  const folded = useSignal(true);
  const display = store.display.value;
  const set = <K extends keyof Display>(key: K, value: Display[K]): void =>
    store.show({ [key]: value });
  const masks = Boolean(store.scene.value?.masks.length);
  const answered = store.panels.value.map(({ slot }) => store.answers[slot].value);
  const errors = answered.some((answer) => answer?.error);
  const { kind, part, live } = store.about.value;
  const plane = kind !== "volume"; // what asks anew about changed inputs knows no depth
  const hideable = plane && (live || answered.some((answer) => answer?.levels));
  const masked = store.masking.settings.value.on;
  // Beside a masked picture an experiment still draws the map at its step; a masked row keeps its own.
  const drawn = !masked || store.masking.maps.value || store.walk.card.value || store.row.value;
  const toggle = (key: "truth" | "error", text: string, help: string) => (
    <button
      type="button"
      class="xw-toggle"
      title={help}
      aria-pressed={display[key]}
      onClick={() => set(key, !display[key])}
    >
      {text}
    </button>
  );
  const { slice } = display; // a place, and no way of drawing
  const usual = { ...DEFAULT_DISPLAY, slice, ...(kind === "table" && { clip: 100 }) };
  const moved = (Object.keys(DEFAULT_DISPLAY) as (keyof Display)[]).some(
    (key) => key !== "colour_map" && display[key] !== usual[key],
  );
  return (
    <div class={`xw-display ${folded.value ? "xw-folded" : ""}`} role="group" aria-label="Display">
      <div class="xw-group">
        <ColourMenu store={store} />
        <Segments
          label="Sign"
          value={display.sign}
          choices={SIGNS}
          onPick={(sign) => set("sign", sign)}
        />
        <Segments
          label="Colour scale"
          value={display.scaling}
          choices={SCALINGS}
          onPick={(scaling) => set("scaling", scaling)}
        />
        {kind === "table" && (
          <Segments
            label="Order of the columns"
            value={display.order}
            choices={ORDERS}
            onPick={(order) => set("order", order)}
          />
        )}
        {masks && toggle("truth", "Truth", "outline what is known to be the true region")}
        {errors &&
          toggle("error", "Std. error", "draw the standard error where a method reports it")}
        {hideable && (
          <button
            type="button"
            class="xw-toggle"
            title={`hide the ${part}s that each map calls important, and see what the network says`}
            aria-pressed={masked}
            onClick={() => store.masking.set({ on: !masked })}
          >
            Masking
          </button>
        )}
        {plane && <TrustBar store={store} />}
        <Button
          icon="down"
          class="xw-unfold"
          label="More display settings"
          text="More"
          pressed={!folded.value}
          onClick={() => {
            folded.value = !folded.value;
          }}
        />
      </div>
      {drawn && (
        <div class="xw-slides">
          {SLIDES.filter(({ not }) => !not?.includes(kind)).map(({ key, said, not, ...slide }) => (
            <Slider
              key={key}
              {...slide}
              value={display[key]}
              text={said(display[key])}
              onInput={(value) => set(key, value)}
            />
          ))}
          <Button
            icon="reset"
            label="Default display"
            disabled={!moved}
            onClick={() => store.show({ ...usual, colour_map: display.colour_map })}
          />
        </div>
      )}
    </div>
  );
}

function ColourMenu({ store }: { store: Store }) {
  const { colour_maps: maps } = store.about.value;
  const chosen = store.colourMap.value;
  const whole = { base: 0, gain: 255, low: 0 };
  const swatch = (map: typeof chosen) => (
    <i class="xw-swatch" style={{ background: gradient(map, whole) }} />
  );
  return (
    <Popover
      label={`Colour map: ${chosen.name}`}
      class="xw-colours"
      text={
        <>
          {swatch(chosen)}
          {chosen.name}
          <Icon name="down" />
        </>
      }
    >
      {(close) => (
        <div class="xw-menu">
          {maps.map((map) => (
            <Button
              key={map.name}
              label={map.diverging ? "for signed values" : "for values of one sign"}
              pressed={map === chosen}
              text={
                <>
                  {swatch(map)}
                  {map.name}
                </>
              }
              onClick={() => {
                store.show({ colour_map: map.name });
                close();
              }}
            />
          ))}
        </div>
      )}
    </Popover>
  );
}
