/** What every layer detects, by category; a layer is chosen by its bar. */

import { colourOf } from "../ui/series";
import type { DissectStore } from "./store";

export function LayerBars({ store }: { store: DissectStore }) {
  const counts = store.counts.value;
  const categories = store.categories.value;
  const sheets = store.sheets.value;
  const turned = store.turned.value;
  const most = Math.max(
    1,
    ...counts.map(({ unique }, i) => Math.max(unique, turned[i]?.unique ?? 0)),
  );
  return (
    <div class="xw-layers" role="group" aria-label="Layers, by the concepts that they detect">
      {sheets.map(({ layer, units }, i) => {
        const { detectors, unique, byCategory } = counts[i];
        const other = turned[i]?.unique;
        const told = categories.map((name, c) => `${byCategory[c]} ${name}`);
        if (other !== undefined) told.push(`${other.toFixed(1)} along random axes`);
        return (
          <button
            type="button"
            key={layer}
            aria-pressed={i === store.layer.value}
            aria-label={`${layer}: ${detectors} of ${units} units detect ${unique} concepts`}
            title={`${layer}: ${told.join(", ")}`}
            onClick={() => store.select(0, i)}
          >
            <span class="xw-class">{layer}</span>
            <span class="xw-stack" aria-hidden="true">
              {byCategory.map((number, c) => (
                <i key={c} style={`${colourOf(c)};width:${(100 * number) / most}%`} />
              ))}
              {other !== undefined && (
                <i class="xw-tick" style={{ left: `${(100 * other) / most}%` }} />
              )}
            </span>
            <span class="xw-muted">
              <b>{unique}</b> concepts, {detectors} of {units} units
            </span>
          </button>
        );
      })}
    </div>
  );
}
