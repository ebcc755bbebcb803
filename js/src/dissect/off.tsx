/** Units that are switched off, and what the network does without them. */

import { useMemo } from "preact/hooks";
import { apart } from "../arrays";
import { percent } from "../numbers";
import { Button } from "../ui/parts";
import { Picture } from "../ui/picture";
import type { OffRow, UnitsOff, Array as WireArray } from "../wire";
import type { DissectStore } from "./store";

const NAMED = 24;

export function OffView({ store }: { store: DissectStore }) {
  const off = store.off.value;
  const problem = store.problems.value.off || (off?.status === "error" ? off.message : "");
  if (problem) {
    return (
      <p class="xw-notice" role="alert">
        {problem}
      </p>
    );
  }
  if (!off?.units.length) return null;
  const { live, draws } = store.about.value;
  const more = off.units.length - NAMED;
  return (
    <section
      class="xw-off"
      aria-label="Units that are switched off"
      aria-busy={off.status === "running"}
    >
      <div class="xw-group">
        <span>
          <b>{off.units.length}</b> of {off.layer} switched off:
        </span>
        {off.units.slice(0, NAMED).map((unit) => (
          <Button
            key={unit}
            icon="close"
            label={`Switch unit ${unit} on`}
            text={String(unit)}
            class="xw-framed"
            disabled={!live || store.sheet.value?.layer !== off.layer}
            onClick={() => store.switchOff(off.units.filter((one) => one !== unit))}
          />
        ))}
        {more > 0 && <span class="xw-muted">and {more} more</span>}
        {live && (
          <Button
            icon="reset"
            label="All units on"
            text="All on"
            onClick={() => store.switchOff([])}
          />
        )}
      </div>
      {off.status === "running" ? (
        <p class="xw-muted" role="status">
          The network is asked again, without them …
        </p>
      ) : (
        <Told off={off} draws={draws} />
      )}
    </section>
  );
}

/** Bars from what was to what is left, the deepest fall first. */
function Told({ off, draws }: { off: UnitsOff; draws: boolean }) {
  const { rows, inputs, before, after } = off;
  const what = draws
    ? `Share of the pixels of ${inputs} pictures`
    : `Mean probability of each class, over those of ${inputs} inputs that the network calls by it`;
  const most = draws ? Math.max(1e-9, ...rows.flatMap((row) => [row.before, row.after])) : 1;
  const fallen = [...rows].sort((a, b) => b.before - b.after - (a.before - a.after));
  return (
    <div class="xw-told-off">
      <div>
        <p class="xw-label">{what}</p>
        <ul class="xw-fallen">
          {fallen.map((row) => (
            <Fallen key={row.name} row={row} most={most} draws={draws} />
          ))}
        </ul>
      </div>
      {before && after && <Redrawn before={before} after={after} />}
    </div>
  );
}

function Fallen({ row, most, draws }: { row: OffRow; most: number; draws: boolean }) {
  const place = (value: number): string => `${(100 * value) / most}%`;
  const { name, inputs, before, after } = row;
  return (
    <li title={draws ? name : `${name}: ${inputs} inputs`}>
      <span class="xw-class">{name}</span>
      <span class="xw-rail" aria-hidden="true">
        <i class="xw-was" style={{ left: "0", width: place(before) }} />
        <i class="xw-is" style={{ left: "0", width: place(after) }} />
      </span>
      <span>
        {percent(before)} → <b>{percent(after)}</b>
      </span>
    </li>
  );
}

/** Pictures of a generator with all units, and below them without some. */
function Redrawn({ before, after }: { before: WireArray; after: WireArray }) {
  const pairs = useMemo(() => {
    const [first, second] = [apart(before), apart(after)];
    return first.map((one, i) => [one, second[i]] as const);
  }, [before, after]);
  return (
    <div>
      <p class="xw-label">Drawn with all units, and below without these</p>
      <div class="xw-redrawn">
        {pairs.map(([was, is], i) => (
          <figure key={i}>
            <Picture array={was} />
            <Picture array={is} />
          </figure>
        ))}
      </div>
    </div>
  );
}
