/** The switch that asks for badges, and by which of them the panels are sorted. */

import { useEffect } from "preact/hooks";
import type { Store } from "../store";

export function TrustBar({ store }: { store: Store }) {
  const { settings, open, badges, set } = store.trust;
  const { on, sort } = settings.value;
  const { live, questions } = store.about.value;
  const [left, all] = open.value;
  const done = on && all > 0 && left === 0;
  useEffect(() => {
    if (done) store.spoken.value = "Every panel has its badges.";
  }, [done]);
  if (!live && !badges.some(({ value }) => value)) return null;
  const problem = store.problems.value.trust;
  return (
    <div class="xw-group">
      <button
        type="button"
        class="xw-toggle"
        title="ask every map whether it can be trusted: sanity, faithfulness, stability, localisation"
        aria-pressed={on}
        onClick={() => set({ on: !on })}
      >
        Trust
      </button>
      {on && (
        <label class="xw-fill">
          <span class="xw-muted">sort by</span>
          <select
            class="xw-select"
            value={sort}
            onChange={(event) => set({ sort: event.currentTarget.value })}
          >
            <option value="">as placed</option>
            {questions.map(({ name, title }) => (
              <option key={name} value={name}>
                {title.toLowerCase()}
              </option>
            ))}
          </select>
        </label>
      )}
      {on && left > 0 && (
        <span class="xw-muted">
          {all - left} of {all} checked
        </span>
      )}
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
