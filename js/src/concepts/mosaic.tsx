/** The pictures side by side, in the order of a concept, with its map over each. */

import { clamp } from "../geometry";
import { digits } from "../numbers";
import { Picture } from "../ui/picture";
import { Field } from "./field";
import { Overlay } from "./overlay";
import type { ConceptsStore } from "./store";

/** From picture to picture in rows. */
function beside(key: string, all: HTMLElement[], now: number): HTMLElement | undefined {
  const across = all.filter(({ offsetTop }) => offsetTop === all[0].offsetTop).length;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[key];
  return by ? all[clamp(now + by, 0, all.length - 1)] : undefined;
}

export function Mosaic({ store }: { store: ConceptsStore }) {
  const lassoing = store.tool.value === "lasso";
  const shown = store.scene.value?.index ?? 0;
  return (
    <Field
      store={store}
      class="xw-mosaic"
      label={lassoing ? "Pictures to choose" : "Pictures"}
      next={beside}
    >
      {store.ordered.value.map((index, i) => (
        <Tile
          key={index}
          {...{ store, index }}
          pressed={lassoing ? store.chosen.value.has(index) : index === shown}
          first={i === 0}
        />
      ))}
    </Field>
  );
}

function Tile(props: { store: ConceptsStore; index: number; pressed: boolean; first: boolean }) {
  const { store, index, pressed, first } = props;
  const { name, thumb, predicted, truth } = store.pictures.value[index];
  const cell = store.cell.value;
  const like = cell ? store.values(cell.likeness)[index] : Number.NaN;
  const slope = cell ? store.values(cell.slopes)[index] : Number.NaN;
  const painted = (store.paint.value[index]?.length ?? 0) > 0;
  const says = [
    name,
    truth ?? predicted,
    cell && `likeness ${digits(like)}`,
    !Number.isNaN(slope) && `change of the score ${digits(slope)}`,
    painted && "painted",
  ].filter(Boolean);
  return (
    <button
      type="button"
      class="xw-one"
      data-picture={index}
      aria-pressed={pressed}
      aria-label={says.join(", ")}
      title={says.join(", ")}
      tabIndex={first || pressed ? 0 : -1}
      onClick={() => store.pick(index)}
    >
      <span class="xw-sheet">
        <Picture array={thumb} />
        <Overlay {...{ store, index }} />
      </span>
      <span class="xw-under">
        {cell ? (store.order.value === "slope" ? short(slope) : short(like)) : predicted}
        {painted && <i class="xw-painted" />}
      </span>
    </button>
  );
}

const short = (value: number): string =>
  Number.isNaN(value) ? "–" : `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
