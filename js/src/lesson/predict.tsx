/** The widget `predict`: mark what you expect to matter, then see where the maps lie. */

import { percent } from "../numbers";
import type { Painter } from "../painter";
import { BrushSize } from "../ui/brush-size";
import { Button, Segments } from "../ui/parts";
import type { OverlapCard } from "../wire";
import { DrawnBar, Frame, useLanding } from "./frame";
import { Input } from "./input";
import { agreement } from "./marks";
import { iou, MapPanel } from "./panel";
import type { PredictStore } from "./store";
import { SumsTable } from "./sums";

const KEYS = [
  ["drag", "box: a rectangle; brush: paint"],
  ["r", "begin a box at the crosshair, again to keep it"],
  ["space", "stamp with the brush, at the crosshair"],
  ["Esc", "give up the box, then leave"],
] as const;

export function Predict({ store, painter }: { store: PredictStore; painter: Painter }) {
  const told = store.told.value;
  const main = useLanding(told);
  const revealed = store.revealed.value;
  const maps = (told && store.sheet.value?.maps) || [];
  return (
    <Frame
      {...{ store, painter }}
      label="Predict, then reveal"
      asks="what speaks for"
      keys={KEYS}
      quiet={!told}
      done={(i) => revealed.includes(i)}
    >
      <div class={`xw-body ${told ? "" : "xw-asking"}`}>
        <aside class="xw-scene">
          <Input
            {...{ store, painter }}
            label="Picture: arrow keys move the crosshair, r begins a box, space paints"
            shapes={() => store.shapes.value}
            inside={store.inside}
            hand={{
              side: () => (store.told.value || store.tool.value === "box" ? 0 : store.brush.value),
              stamp: store.stamp,
            }}
          />
          {told && <Agreement store={store} />}
        </aside>
        <div class="xw-main" ref={main} tabIndex={-1}>
          {told ? (
            <>
              <DrawnBar store={store} />
              {!maps.length && <p class="xw-muted">The maps come as soon as they are made.</p>}
              <div class="xw-grid">
                {maps.map((map, place) => (
                  <MapPanel
                    key={`${map.name}`}
                    {...{ store, painter, place }}
                    inside={store.inside}
                  />
                ))}
              </div>
              {maps.length > 0 && (
                <p class="xw-muted xw-facts">
                  In brackets: what the same shape gets by chance, laid anywhere on the picture.
                </p>
              )}
              <Sums store={store} />
            </>
          ) : (
            <Marking store={store} />
          )}
        </div>
      </div>
    </Frame>
  );
}

/** What is asked, the tools to answer with, and the button that ends it. */
function Marking({ store }: { store: PredictStore }) {
  const { tool, brush, shapes, inside } = store;
  const made = shapes.value;
  const pixels = inside.value;
  const { methods } = store.about.value;
  const problem = store.problems.value.mark;
  return (
    <div class="xw-marking">
      <p class="xw-question">
        Where would you look? Mark the pixels that you expect to speak for{" "}
        <b>{store.target.value.label}</b>.
      </p>
      <div class="xw-group" role="group" aria-label="Marking">
        <Segments
          label="Tool"
          value={tool.value}
          choices={[
            ["box", "Box"],
            ["brush", "Brush"],
          ]}
          onPick={(next) => {
            tool.value = next;
          }}
        />
        {tool.value === "brush" && <BrushSize side={brush} width={store.size.value[0]} />}
        <Button
          icon="reset"
          label="Undo the last mark"
          text="Undo"
          disabled={!made.length}
          onClick={() => store.mark(made.slice(0, -1))}
        />
        <Button
          icon="close"
          label="Clear all marks"
          text="Clear"
          disabled={!made.length}
          onClick={() => store.mark([])}
        />
      </div>
      <p class="xw-muted" role="status">
        {pixels
          ? `${percent(pixels.reduce((a, b) => a + b, 0) / pixels.length)} of the picture is marked.`
          : tool.value === "box"
            ? "Drag over the picture, or go by arrow keys and press r at two corners."
            : "Drag over the picture, or go by arrow keys and stamp with the space bar."}
      </p>
      <button
        type="button"
        class="xw-button xw-framed xw-done"
        disabled={!pixels}
        onClick={() => store.reveal()}
      >
        Reveal the maps
      </button>
      <p class="xw-muted">
        Your mark stays as it is once they are shown. Then you see the maps of {methods.join(", ")},
        and how much of each lies in your region.
      </p>
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** How the reader's region lies to the true ones. */
function Agreement({ store }: { store: PredictStore }) {
  const inside = store.inside.value;
  const masks = store.scene.value?.masks ?? [];
  if (!inside || !masks.length) return null;
  return (
    <div class="xw-facts">
      {masks.map(({ name, mask }) => (
        <p key={name}>
          your region and <i class="xw-of-truth">{name}</i>: IoU{" "}
          {iou(agreement(inside, store.values(mask)))}
        </p>
      ))}
    </div>
  );
}

const mean = (values: (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
};

/** Every method's overlaps with the marked regions, over the pictures that are revealed. */
export function summed(overlaps: Record<string, OverlapCard[]>) {
  const mine = Object.values(overlaps)
    .flat()
    .filter(({ region }) => !region);
  const names = [...new Set(mine.map(({ name }) => name))];
  return names.map((name) => {
    const own = mine.filter((card) => card.name === name);
    const area = own.map((card) => card.area);
    return {
      name,
      pictures: own.length,
      share: mean(own.map(({ share }) => share)),
      iou: mean(own.map((card) => card.iou)),
      hits: own.reduce((a, { hit }) => a + (hit ?? 0), 0),
      area: mean(area),
      chance: mean(area.map((a) => a / (2 - a))),
    };
  });
}

const sought = (value: number | null, words: (value: number) => string): string =>
  value === null ? "–" : words(value);

function Sums({ store }: { store: PredictStore }) {
  const rows = summed(store.overlaps.value);
  if (store.strip.value.length < 2 || !rows.length) return null;
  const [{ pictures, area, chance }] = rows;
  const whole = (hits: number): string => `${Number(hits.toFixed(1))} of ${pictures}`;
  return (
    <SumsTable
      caption={`Your regions in ${pictures} ${pictures === 1 ? "picture" : "pictures"} so far`}
      heads={["method", "evidence inside", "top pixels (IoU)", "highest pixel inside"]}
    >
      {rows.map((row) => (
        <tr key={row.name}>
          <th scope="row">{row.name}</th>
          <td>{sought(row.share, percent)}</td>
          <td>{sought(row.iou, iou)}</td>
          <td>{whole(row.hits)}</td>
        </tr>
      ))}
      <tr class="xw-muted">
        <th scope="row">by chance</th>
        <td>{sought(area, percent)}</td>
        <td>{sought(chance, iou)}</td>
        <td>{whole((area ?? 0) * pictures)}</td>
      </tr>
    </SumsTable>
  );
}
