/** Concepts × layers: every score with its interval, beside what random sets score in its place. */

import { useEffect, useRef } from "preact/hooks";
import { Button } from "../ui/parts";
import { Picture } from "../ui/picture";
import type { ConceptCell, ConceptRow } from "../wire";
import { beside, ends, place, spelt, told } from "./scores";
import type { ConceptsStore } from "./store";

const ORIGINS = { given: "", lasso: "by lasso", brush: "by brush" } as const;

export function ScoreTable({ store }: { store: ConceptsStore }) {
  const { layers } = store.about.value;
  const cards = store.cards.value;
  const cell = store.cell.value;
  const grid = store.grid.value;
  const box = useRef<HTMLTableElement>(null);
  const said = cell && grid ? told(cell, store.measure.value, grid) : "";
  useEffect(() => {
    // Whoever goes through the scores by keyboard stays on the one that is chosen.
    const inside = box.current?.contains(document.activeElement);
    if (inside) box.current?.querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
  }, [cell?.concept, cell?.layer]);
  const press = (event: KeyboardEvent): void => {
    const at = store.choice.value;
    if (!at || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    store.choose(
      beside(
        cards.map(({ name }) => name),
        layers,
        at,
        event.key,
      ),
    );
  };
  if (!cards.length) {
    return (
      <p class="xw-empty xw-none">
        No concept yet. Choose Lasso and draw around pictures that show the same thing, or choose
        Brush and paint it.
      </p>
    );
  }
  return (
    <>
      <table class="xw-scores" ref={box} onKeyDown={press}>
        <thead>
          <tr>
            <th scope="col">concept</th>
            {layers.map((layer) => (
              <LayerHead key={layer} {...{ store, layer }} />
            ))}
          </tr>
        </thead>
        <tbody>
          {cards.map((card) => (
            <tr key={card.name} class={card.name === cell?.concept ? "xw-lit" : ""}>
              <Concept {...{ store, card }} />
              {layers.map((layer) => (
                <ScoreCell key={layer} {...{ store, layer }} concept={card.name} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="xw-told" role="status">
        {said}
      </p>
      <Key />
    </>
  );
}

/** What the signs of a score stand for. */
function Key() {
  const signs = [
    ["xw-dot xw-full", "more than chance"],
    ["xw-dot", "no more than chance"],
    ["xw-reach", "95 % interval"],
    ["xw-one-random", "a random set in its place"],
    ["xw-by-chance", "where one more would lie"],
  ] as const;
  return (
    <p class="xw-facts xw-key-line" aria-hidden="true">
      {signs.map(([sign, words]) => (
        <span key={words}>
          <span class="xw-dots">
            <i class={sign} />
          </span>
          {words}
        </span>
      ))}
    </p>
  );
}

/** A layer's name over the ends of its scale. */
function LayerHead({ store, layer }: { store: ConceptsStore; layer: string }) {
  const measure = store.measure.value;
  const cells = (store.grid.value?.cells ?? []).filter((one) => one.layer === layer);
  const [low, high] = ends(cells, measure);
  return (
    <th scope="col">
      <b>{layer}</b>
      {cells.length > 0 && (
        <span class="xw-ends" aria-hidden="true">
          <span>{spelt(low, measure)}</span>
          <span>{measure === "score" ? "50 %" : "0"}</span>
          <span>{spelt(high, measure)}</span>
        </span>
      )}
    </th>
  );
}

/** A concept with the first of its examples. */
function Concept({ store, card }: { store: ConceptsStore; card: ConceptRow }) {
  const { name, origin, count, examples } = card;
  const from = [count === null ? "" : `${count} examples`, ORIGINS[origin]].filter(Boolean);
  return (
    <th scope="row">
      <span class="xw-concept">
        <b>{name}</b>
        <span class="xw-muted">{from.join(", ")}</span>
        {store.about.value.live && (
          <Button
            icon="close"
            label={`Remove the concept ${name}`}
            class="xw-tiny"
            onClick={() => void store.ask("remove_concept", { concept: name })}
          />
        )}
      </span>
      <span class="xw-examples" aria-hidden="true">
        {examples.map((array, i) => (
          <Picture key={`${i}`} array={array} />
        ))}
      </span>
    </th>
  );
}

function ScoreCell(props: { store: ConceptsStore; concept: string; layer: string }) {
  const { store, concept, layer } = props;
  const grid = store.grid.value;
  const measure = store.measure.value;
  const inLayer = (grid?.cells ?? []).filter((one) => one.layer === layer);
  const cell = inLayer.find((one) => one.concept === concept);
  if (!grid || !cell) {
    return (
      <td data-layer={layer}>
        <span class="xw-muted">not scored yet</span>
      </td>
    );
  }
  const chosen = store.cell.value === cell;
  const sure = cell[measure].significant;
  return (
    <td data-layer={layer}>
      <button
        type="button"
        class={`xw-cell ${cell.refusal ? "xw-refused" : sure ? "xw-sure-cell" : ""}`}
        aria-pressed={chosen}
        aria-label={told(cell, measure, grid)}
        title={told(cell, measure, grid)}
        tabIndex={chosen ? 0 : -1}
        onClick={() => store.choose({ concept, layer })}
      >
        <Dots {...{ cell, measure }} scale={ends(inLayer, measure)} />
        {cell.refusal ? (
          <span>no score: {cell.refusal}</span>
        ) : (
          <span class="xw-value">{spelt(cell[measure].value, measure)}</span>
        )}
      </button>
    </td>
  );
}

/** A score as a dot with its interval, over where random sets lie. Full: more than chance. */
function Dots(props: {
  cell: ConceptCell;
  measure: "magnitude" | "score";
  scale: [number, number];
}) {
  const { cell, measure, scale } = props;
  const { value, low, high, random, random_low, random_high, significant } = cell[measure];
  const between = (from: number, to: number): string => {
    const [left, right] = [place(from, scale), place(to, scale)];
    return `left:${left}%;width:${right - left}%`;
  };
  return (
    <span class="xw-dots" aria-hidden="true">
      {random_low !== null && random_high !== null && (
        <i class="xw-by-chance" style={between(random_low, random_high)} />
      )}
      <i class="xw-middle" />
      {random.map((one, i) => (
        <i class="xw-one-random" key={`${i}`} style={`left:${place(one, scale)}%`} />
      ))}
      {!cell.refusal && low !== null && high !== null && (
        <i class="xw-reach" style={between(low, high)} />
      )}
      {!cell.refusal && (
        <i
          class={significant ? "xw-dot xw-full" : "xw-dot"}
          style={`left:${place(value, scale)}%`}
        />
      )}
    </span>
  );
}
