/** The target's score of the whole picture and of the masked one, with chance beside them. */

import { digits, percent } from "../numbers";
import type { Store } from "../store";
import type { MaskScore } from "../wire";

/** A score in the unit of the target: a probability is a percentage. */
export const scoreWords = (unit: string, value: number): string =>
  unit === "probability" ? percent(value) : digits(value);

export function PanelScore(props: { store: Store; id: string; request: number }) {
  const { store, id, request } = props;
  const { settings, scores } = store.masking;
  const found = scores.value;
  const score = found?.panels[id];
  const stale = found?.turn !== settings.value.turn || score?.request !== request;
  if (found?.problem || (!score && !store.about.value.live)) return null;
  return <Score store={store} score={score} stale={stale} random />;
}

export function Score(props: {
  store: Store;
  score: MaskScore | undefined;
  stale: boolean;
  random?: boolean;
}) {
  const { store, score, stale } = props;
  const { whole, part } = store.about.value;
  if (score?.problem) return <p class="xw-warning">{score.problem}</p>;
  const unit = store.masking.scores.value?.unit ?? "probability";
  const { intact = 0, masked = 0, random = 0 } = score ?? {};
  const low = Math.min(0, intact, masked, random);
  const high = Math.max(unit === "probability" ? 1 : 0, intact, masked, random);
  const place = (value: number): number => ((value - low) / (high - low || 1)) * 100;
  const span = (value: number): string => {
    const [from, to] = [place(Math.min(0, value)), place(Math.max(0, value))];
    return `left:${from}%;width:${to - from}%`;
  };
  const say = (value: number): string => scoreWords(unit, value);
  return (
    <div class={`xw-score ${stale ? "xw-late" : ""}`}>
      <div class="xw-ends">
        <span title={`${store.target.value.label}: the whole ${whole}, then the masked one`}>
          {score ? say(intact) : "…"} → <b>{score ? say(masked) : "…"}</b>
        </span>
        {props.random && (
          <span class="xw-muted" title={`as many ${part}s, drawn by lot`}>
            random {score ? say(random) : "…"}
          </span>
        )}
      </div>
      <div class="xw-rail" aria-hidden="true">
        <i class="xw-was" style={span(intact)} />
        <i class="xw-is" style={span(masked)} />
        {props.random && <i class="xw-tick" style={`left:${place(random)}%`} />}
      </div>
    </div>
  );
}
