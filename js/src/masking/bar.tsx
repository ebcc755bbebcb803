/** Which pixels are hidden everywhere, and what fills the hole. */

import type { Store } from "../store";
import { Segments, Slider } from "../ui/parts";
import type { MaskMode } from "../wire";

const MODES: readonly (readonly [MaskMode, string])[] = [
  ["remove", "Remove"],
  ["keep", "Keep"],
  ["reveal", "Reveal"],
];
const WORDS: Record<MaskMode, (share: number) => string> = {
  remove: (share) => `top ${share} % removed`,
  keep: (share) => `top ${100 - share} % kept`,
  reveal: (share) => `top ${share} % revealed`,
};
const HELP: Record<MaskMode, (parts: string, whole: string) => string> = {
  remove: (parts) => `the most important ${parts} of each map go first`,
  keep: (parts) => `the least important ${parts} of each map go first`,
  reveal: (parts, whole) => `the most important ${parts} come back first, into the filled ${whole}`,
};
const FILLS: Record<string, string> = {
  mean: "mean",
  blur: "blurred picture",
  zero: "zero",
  noise: "noise",
  black: "black",
  white: "white",
  given: "absent input",
  neighbours: "from neighbours",
  rows: "another row",
};

export function MaskingBar({ store }: { store: Store }) {
  const { settings, set, maps, brush, plotted, scores, curves } = store.masking;
  const { on, mode, share, fill } = settings.value;
  const { live, fills, kind, part, whole } = store.about.value;
  const parts = `${part}s`;
  if (!on) return null;
  const toggle = (text: string, help: string, pressed: boolean, turn: () => void) => (
    <button type="button" class="xw-toggle" title={help} aria-pressed={pressed} onClick={turn}>
      {text}
    </button>
  );
  const problem = store.problems.value.masking || scores.value?.problem;
  const drawn = curves.value?.lines.length;
  return (
    <div class="xw-masking" role="group" aria-label="Masking">
      <Segments
        label="What the slider does"
        value={mode}
        choices={MODES}
        onPick={(next) => set({ mode: next })}
      />
      <Slider
        label={`Share of ${parts}`}
        help={HELP[mode](parts, whole)}
        low={0}
        high={100}
        step={0.5}
        value={share}
        text={WORDS[mode](share)}
        onInput={(next) => set({ share: next })}
      />
      <div class="xw-group">
        <label class="xw-fill" title={`what takes a hidden ${part}'s place`}>
          <span class="xw-muted">filled with</span>
          <select
            class="xw-select"
            value={fill}
            disabled={!live}
            onChange={(event) => set({ fill: event.currentTarget.value })}
          >
            {fills.map((name) => (
              <option key={name} value={name}>
                {FILLS[name] ?? name}
              </option>
            ))}
          </select>
        </label>
        {kind === "picture" &&
          toggle("Maps", "lay the maps over the masked pictures", maps.value, () => {
            maps.value = !maps.value;
          })}
        {kind === "picture" &&
          toggle("Brush", "hide a part of the input by hand", brush.value > 0, () => {
            brush.value = brush.value ? 0 : Math.max(3, Math.round(store.size.peek()[0] / 8));
          })}
        {(live || drawn) &&
          toggle("Curves", "the score while more and more is hidden", plotted.value, () => {
            plotted.value = !plotted.value;
            if (plotted.value && !drawn && live) void store.ask("draw_curves", {}, "masking");
          })}
      </div>
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
      {!live && (
        <p class="xw-muted">
          {drawn
            ? "Scores are read off the curves, between two points in proportion."
            : `No curves came with this page, so a ${whole} is masked without a score.`}
        </p>
      )}
    </div>
  );
}
