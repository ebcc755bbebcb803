/** The pictures in a plane of two axes: concepts, or what they do to the score. */

import { type Signal, useSignal } from "@preact/signals";
import { digits } from "../numbers";
import { Picture } from "../ui/picture";
import {
  type Axis,
  axesOf,
  axisOf,
  keyOf,
  nameOf,
  onwards,
  placed,
  scaleOf,
  titleOf,
} from "./axes";
import { Field } from "./field";
import { place } from "./scores";
import type { ConceptsStore } from "./store";

const ROOM = 6; // percent beside the outermost pictures
const LARGEST = 11; // percent of the width
const SMALLEST = 22; // pixels

/** A round number without the zeros that a measured one would have. */
const brief = (tick: number): string => String(Number(tick.toPrecision(3))).replace("-", "−");

interface Props {
  store: ConceptsStore;
  axes: readonly [Axis, Axis];
}

export function Scatter({ store, axes }: Props) {
  const under = useSignal<number | null>(null);
  const grid = store.grid.value;
  if (!grid) return null;
  const [x, y] = axes.map(store.on);
  const pictures = placed(x, y);
  const [across, upwards] = [scaleOf(x), scaleOf(y)];
  const at = (value: number, ends: [number, number]): number =>
    ROOM + ((100 - 2 * ROOM) * place(value, ends)) / 100;
  const left = (value: number): string => `left:${at(value, across.ends)}%`;
  const bottom = (value: number): string => `bottom:${at(value, upwards.ends)}%`;
  const [xTitle, yTitle] = axes.map((axis) => titleOf(axis, store.about.value, grid));
  const shown = store.scene.value?.index ?? -1;
  const first = pictures.includes(shown) ? shown : pictures[0];
  const size = Math.min(LARGEST, 38 / Math.sqrt(pictures.length));
  const hovered = under.value;
  return (
    <div class="xw-scatter" style={`--xw-size:max(${SMALLEST}px,${size}cqw)`}>
      <p class="xw-facts xw-upwards">{yTitle}</p>
      <Field
        store={store}
        class="xw-ground"
        label={`Pictures in a plane: across, ${xTitle}; upwards, ${yTitle}`}
        next={(key, all, now) => {
          const to = onwards(key, pictures, Number(all[now].dataset.picture), x, y);
          return all.find(({ dataset }) => Number(dataset.picture) === to);
        }}
      >
        {across.ticks.map((tick) => (
          <i key={`x${tick}`} class={tick ? "" : "xw-zero"} style={left(tick)}>
            <span>{brief(tick)}</span>
          </i>
        ))}
        {upwards.ticks.map((tick) => (
          <i key={`y${tick}`} class={tick ? "xw-level" : "xw-level xw-zero"} style={bottom(tick)}>
            <span>{brief(tick)}</span>
          </i>
        ))}
        {pictures.map((index) => (
          <Spot
            key={index}
            {...{ store, index, under }}
            first={index === first}
            where={`across ${digits(x[index])}, upwards ${digits(y[index])}`}
            place={`${left(x[index])};${bottom(y[index])}`}
          />
        ))}
        {hovered !== null && pictures.includes(hovered) && (
          <Told
            {...{ store, axes, index: hovered, x, y }}
            left={at(x[hovered], across.ends)}
            bottom={at(y[hovered], upwards.ends)}
          />
        )}
      </Field>
      <p class="xw-facts xw-across">{xTitle}</p>
      <p class="xw-facts">
        Along a concept, 0 lies half way between its examples and {store.about.value.others}.{" "}
        {pictures.length < x.length &&
          `Of ${x.length} pictures ${pictures.length} were asked for their score, and are here.`}
      </p>
    </div>
  );
}

function Spot(props: {
  store: ConceptsStore;
  index: number;
  under: Signal<number | null>;
  first: boolean;
  where: string;
  place: string;
}) {
  const { store, index, under } = props;
  const { name, thumb, predicted, truth } = store.pictures.value[index];
  const lassoing = store.tool.value === "lasso";
  const enter = (): void => {
    under.value = index;
  };
  const leave = (): void => {
    if (under.peek() === index) under.value = null;
  };
  return (
    <button
      type="button"
      data-picture={index}
      aria-pressed={lassoing ? store.chosen.value.has(index) : index === store.scene.value?.index}
      aria-label={[name, truth ?? predicted, props.where].filter(Boolean).join(", ")}
      tabIndex={props.first ? 0 : -1}
      style={props.place}
      onClick={() => store.pick(index)}
      onPointerEnter={enter}
      onPointerLeave={leave}
      onFocus={enter}
      onBlur={leave}
    >
      <Picture array={thumb} />
    </button>
  );
}

/** The picture under the pointer or the keyboard, and where exactly it lies. */
function Told(
  props: Props & {
    index: number;
    x: Float32Array;
    y: Float32Array;
    /** In percent of the plane. */
    left: number;
    bottom: number;
  },
) {
  const { store, axes, index, x, y, left, bottom } = props;
  // On the side of the picture on which there is more room.
  const across = left > 50 ? `right:${100 - left}%` : `left:${left}%`;
  const upwards = bottom > 50 ? `top:${100 - bottom}%` : `bottom:${bottom}%`;
  const { name, thumb, predicted, truth } = store.pictures.value[index];
  const lines = axes.map((axis, i) => [nameOf(axis), digits((i ? y : x)[index])]);
  return (
    <div class="xw-popover xw-hint" style={`${across};${upwards}`} aria-hidden="true">
      <Picture array={thumb} />
      <div>
        <b>{name}</b>
        <span class="xw-muted">{truth ?? predicted}</span>
        {lines.map(([words, value], i) => (
          <span key={`${i}`}>
            {words} <b>{value}</b>
          </span>
        ))}
      </div>
    </div>
  );
}

/** What the two axes say. */
export function Axes({ store, axes }: Props) {
  const cells = store.grid.value?.cells ?? [];
  return (
    <>
      {(["across", "upwards"] as const).map((name, i) => (
        <label class="xw-fill" key={name}>
          <span class="xw-muted">{name}</span>
          <select
            class="xw-select xw-wide-select"
            aria-label={`Axis ${name}`}
            value={keyOf(axes[i])}
            onChange={({ currentTarget }) => {
              const chosen = [...store.wanted.peek()] as [Axis | null, Axis | null];
              chosen[i] = axisOf(currentTarget.value);
              store.wanted.value = chosen;
            }}
          >
            {axesOf(cells).map(([axis, refusal]) => (
              <option key={keyOf(axis)} value={keyOf(axis)}>
                {nameOf(axis) + (refusal && " (no score)")}
              </option>
            ))}
          </select>
        </label>
      ))}
    </>
  );
}
