/** One unit: its strongest pictures, which concepts they meet, how often it speaks, who is like it. */

import { useSignal } from "@preact/signals";
import { digits, percent } from "../numbers";
import { Segments } from "../ui/parts";
import { ranking } from "./detectors";
import { Kind, shortName } from "./grid";
import type { DissectStore, Sheet } from "./store";
import { FineTile, Kernel, placeOf } from "./tile";

const CONCEPTS = 5;

interface Props {
  store: DissectStore;
  sheet: Sheet;
  unit: number;
}

export function UnitDetail({ store, sheet }: { store: DissectStore; sheet: Sheet }) {
  const unit = store.unit.value;
  const all = { store, sheet, unit };
  return (
    <section class="xw-detail" aria-label={`Unit ${unit} of ${sheet.layer}`}>
      <Pictures {...all} />
      {sheet.ious && <Concepts {...all} ious={store.values(sheet.ious)} />}
      <Histogram {...all} />
      {sheet.filters && <Weights {...all} />}
      <Alike {...all} />
    </section>
  );
}

function Pictures({ store, sheet, unit }: Props) {
  const shown = useSignal<"masks" | "bare">("masks");
  const [, top] = sheet.values.shape;
  const silent = store.values(sheet.silent)[unit] > 0;
  const ranks = Array.from({ length: top }, (_, i) => i).filter(
    (rank) => placeOf(store, sheet, unit, rank) >= 0,
  );
  const fields = ranks.map((rank) => seenBy({ store, sheet, unit, rank }));
  const best = store.labels(sheet).concept[unit] ?? -1;
  const concept = store.concept.value < 0 ? best : store.concept.value;
  const card = store.about.value.concepts[concept];
  return (
    <>
      <header>
        <h3 class="xw-title">
          Unit {unit} <span class="xw-muted">of {sheet.layer}</span>
        </h3>
        <Switch {...{ store, sheet, unit }} />
        <Segments
          label="Over the pictures"
          value={shown.value}
          choices={[
            ["masks", "Masks"],
            ["bare", "Bare"],
          ]}
          onPick={(value) => {
            shown.value = value;
          }}
        />
      </header>
      {silent && (
        <p class="xw-warning">It says the same on all inputs: these pictures mean nothing.</p>
      )}
      <div class="xw-tops">
        {ranks.map((rank, i) => (
          <figure key={rank}>
            <div>
              <FineTile
                {...{ store, sheet, unit, rank, concept }}
                masks={shown.value === "masks"}
              />
              {shown.value === "masks" && fields[i] && <i class="xw-sees" style={fields[i]} />}
            </div>
            <figcaption>{digits(store.values(sheet.values)[unit * top + rank])}</figcaption>
          </figure>
        ))}
      </div>
      <p class="xw-key">
        <span>
          <i class="xw-line-unit" /> above {digits(store.values(sheet.level)[unit])}
        </span>
        {card && (
          <span>
            <i class="xw-line-concept" /> {shortName(card)}
          </span>
        )}
        {fields.some(Boolean) && (
          <span>
            <i class="xw-line-sees" /> what its strongest cell sees
          </span>
        )}
      </p>
    </>
  );
}

/** Whether the network has to do without the unit. */
function Switch({ store, unit }: Props) {
  const off = store.silenced.value.has(unit);
  const { live } = store.about.value;
  const others = [...store.silenced.value].filter((one) => one !== unit);
  return (
    <button
      type="button"
      class="xw-toggle"
      aria-pressed={off}
      disabled={!live}
      title={
        live
          ? "Let the network do without this unit, and see which classes fall"
          : "Switching a unit off asks the network, which needs a kernel"
      }
      onClick={() => store.switchOff(off ? others : [...others, unit])}
    >
      {off ? "Switched off" : "Switch off"}
    </button>
  );
}

/** What the cell that answers most strongly sees, as insets of the picture; null where it is all. */
function seenBy({ store, sheet, unit, rank }: Props & { rank: number }) {
  const columns = sheet.columns.shape[0];
  const cell = store.values(sheet.peaks)[unit * sheet.peaks.shape[1] + rank];
  const [height, width] = store.about.value.size;
  const down = store.values(sheet.rows).subarray(2 * Math.floor(cell / columns));
  const across = store.values(sheet.columns).subarray(2 * (cell % columns));
  if (down[1] - down[0] >= height && across[1] - across[0] >= width) return null;
  const share = (pixels: number, of: number): string => `${(100 * pixels) / of}%`;
  return {
    top: share(down[0], height),
    bottom: share(height - down[1], height),
    left: share(across[0], width),
    right: share(width - across[1], width),
  };
}

/** The concepts that the unit meets best, each IoU beside what areas allow and what chance gives. */
function Concepts({ store, sheet, unit, ious }: Props & { ious: Float32Array }) {
  const { concepts } = store.about.value;
  const best = ranking(ious, concepts.length, unit).slice(0, CONCEPTS);
  const at = (concept: number): number => unit * concepts.length + concept;
  const bounds = sheet.bounds && store.values(sheet.bounds);
  const chances = sheet.chances && store.values(sheet.chances);
  const draws = drawsOf(store, sheet, unit);
  const most = Math.max(store.limit.value, ...best.map((one) => ious[at(one)]), ...draws) * 1.15;
  const place = (value: number): string => `${Math.min(100, (100 * value) / most)}%`;
  const chosen = store.concept.value < 0 ? best[0] : store.concept.value;
  return (
    <div class="xw-met" role="group" aria-label="Concepts that it meets">
      <p class="xw-label">
        Concepts by IoU <span>│ chance</span> <span>┆ your limit</span>
      </p>
      {best.map((one) => (
        <button
          type="button"
          key={one}
          aria-pressed={one === chosen}
          title={`${concepts[one].name}: IoU ${ious[at(one)].toFixed(3)}, by chance at most ${(chances?.[at(one)] ?? 0).toFixed(3)}, with areas like these at most ${(bounds?.[at(one)] ?? 1).toFixed(2)}`}
          onClick={() => {
            store.concept.value = one;
          }}
        >
          <span>
            <Kind store={store} category={concepts[one].category} />
            {shortName(concepts[one])}
          </span>
          <span class="xw-rail" aria-hidden="true">
            <i class="xw-was" style={{ left: "0", width: place(bounds?.[at(one)] ?? 0) }} />
            <i class="xw-is" style={{ left: "0", width: place(ious[at(one)]) }} />
            <i class="xw-tick" style={{ left: place(chances?.[at(one)] ?? 0) }} />
            <i class="xw-limit" style={{ left: place(store.limit.value) }} />
          </span>
          <b>{ious[at(one)].toFixed(3)}</b>
        </button>
      ))}
      {sheet.p && best.length > 0 && draws.length > 0 && (
        <p
          class="xw-null"
          title={`The best concept in each of ${draws.length} shufflings, in which concepts are those of other pictures: p says how often one is as good as ${ious[at(best[0])].toFixed(3)}`}
        >
          <span>any concept, shuffled</span>
          <span class="xw-rail" aria-hidden="true">
            {draws.map((draw, i) => (
              <i key={i} class="xw-tick" style={{ left: place(draw) }} />
            ))}
          </span>
          <b>p {store.values(sheet.p)[unit].toFixed(2)}</b>
        </p>
      )}
    </div>
  );
}

/** The best IoU that a unit has with some concept in each shuffling. */
function drawsOf(store: DissectStore, { draws, units }: Sheet, unit: number): number[] {
  if (!draws) return [];
  const all = store.values(draws);
  return Array.from({ length: draws.shape[0] }, (_, i) => all[i * units + unit]);
}

/** How often the unit's activation lies where, on a scale that shows what is rare. */
function Histogram({ store, sheet, unit }: Props) {
  const bins = sheet.bars.shape[1];
  const counts = store.values(sheet.bars).subarray(unit * bins, (unit + 1) * bins);
  const [low, high, level] = [sheet.low, sheet.high, sheet.level].map(
    (array) => store.values(array)[unit],
  );
  const most = Math.log1p(Math.max(...counts));
  const d = [...counts]
    .map((count, i) => {
      const top = 100 - (100 * Math.log1p(count)) / (most || 1);
      return `M${(100 * i) / bins} 100V${top}h${100 / bins}V100Z`;
    })
    .join("");
  const at = high > low ? (100 * (level - low)) / (high - low) : 0;
  const active = percent(store.values(sheet.active)[unit]);
  return (
    <figure class="xw-histogram">
      <figcaption class="xw-label">
        Activations <b>above 0 at {active} of all places</b>
      </figcaption>
      <div class="xw-area">
        <svg
          viewBox="0 0 100 100"
          preserveAspectRatio="none"
          role="img"
          aria-label={`Activations from ${digits(low)} to ${digits(high)}, counts on a logarithmic scale`}
        >
          <path class="xw-band" d={d} />
        </svg>
        <i class="xw-now" style={{ left: `${at}%` }} />
      </div>
      <div class="xw-ends" aria-hidden="true">
        <span>{digits(low)}</span>
        <span>count, logarithmic</span>
        <span>{digits(high)}</span>
      </div>
    </figure>
  );
}

/** What it is made of: the channels below that it weighs most. */
function Weights({ store, sheet, unit }: Props) {
  const filters = sheet.filters;
  if (!filters) return null;
  const { channels, colours } = filters;
  const many = channels.shape[1];
  const named = store.values(channels);
  return (
    <div>
      <p class="xw-label">{colours ? "Its filter" : "Its weights for the channels below"}</p>
      <div class="xw-kernels">
        {Array.from({ length: colours ? 1 : many }, (_, rank) => (
          <figure key={rank}>
            <Kernel {...{ store, sheet, unit, rank }} />
            {!colours && <figcaption>{named[unit * many + rank]}</figcaption>}
          </figure>
        ))}
      </div>
    </div>
  );
}

function Alike({ store, sheet, unit }: Props) {
  const many = sheet.near.shape[1];
  const near = Array.from({ length: many }, (_, i) => unit * many + i).filter(
    (i) => store.values(sheet.near)[i] >= 0,
  );
  if (!near.length) return null;
  return (
    <div>
      <p class="xw-label">Units that speak with it, by correlation</p>
      <div class="xw-near">
        {near.map((i) => {
          const other = store.values(sheet.near)[i];
          return (
            <button
              type="button"
              class="xw-button xw-framed"
              key={other}
              title={`Look at unit ${other}`}
              onClick={() => store.select(other)}
            >
              {other} <span class="xw-muted">{digits(store.values(sheet.alike)[i])}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}
