/** All units of a layer as points: those that speak together lie together. */

import { colourOf } from "../ui/series";
import type { DissectStore, Sheet } from "./store";

export function Plane({ store, sheet }: { store: DissectStore; sheet: Sheet }) {
  const places = store.values(sheet.places);
  const silent = store.values(sheet.silent);
  const active = store.values(sheet.active);
  const listed = new Set(store.listed.value);
  const units = Array.from({ length: sheet.units }, (_, i) => i).filter((i) => !silent[i]);
  const reach = Math.max(
    1e-6,
    ...units.flatMap((i) => [places[2 * i], places[2 * i + 1]].map(Math.abs)),
  );
  const at = (value: number): string => `${50 + (46 * value) / reach}%`;
  return (
    <div
      class="xw-plane"
      role="listbox"
      aria-label="Units by likeness: those that speak together lie together; arrow keys go through those that are listed"
      tabIndex={0}
      onKeyDown={(event) => store.walk(event, 1)}
    >
      {units.map((unit) => {
        const label = store.labelOf(unit);
        const kind = label?.detector ? store.categories.value.indexOf(label.card.category) : -1;
        return (
          <button
            type="button"
            role="option"
            key={unit}
            tabIndex={-1}
            class={listed.has(unit) ? "" : "xw-dim"}
            aria-selected={unit === store.unit.value}
            aria-label={`Unit ${unit}`}
            title={`unit ${unit}${label ? `: ${label.card.name} ${label.iou.toFixed(2)}` : ""}`}
            style={`left:${at(places[2 * unit])};top:${at(-places[2 * unit + 1])};--xw-size:${8 + 14 * Math.sqrt(active[unit])}px;${kind < 0 ? "" : colourOf(kind)}`}
            onClick={() => store.select(unit)}
          />
        );
      })}
    </div>
  );
}
