/** The brush's own controls, beside the input that it paints on. */

import type { Point } from "../geometry";
import type { Store } from "../store";
import { BrushSize } from "../ui/brush-size";
import { Button, Segments } from "../ui/parts";
import { begun, drawn } from "./brush";
import { Score } from "./score";

/** Paint at a pixel of the input. */
export function stamp({ masking }: Store, at: Point, fresh: boolean): void {
  const { strokes } = masking.settings.peek();
  masking.set({
    strokes: fresh ? begun(strokes, masking.brush.peek(), at) : drawn(strokes, at),
  });
}

export function BrushBar({ store }: { store: Store }) {
  const { settings, set, brush, scores } = store.masking;
  const { strokes, spares, turn } = settings.value;
  if (!brush.value && !strokes.length) return null;
  const { live } = store.about.value;
  const found = scores.value;
  return (
    <div class="xw-brush-bar" role="group" aria-label="Brush">
      <div class="xw-group">
        <Segments
          label="What the paint does"
          value={spares ? "keep" : "cover"}
          choices={[
            ["cover", "Cover"],
            ["keep", "Keep"],
          ]}
          onPick={(next) => set({ spares: next === "keep" })}
        />
        <Button
          icon="reset"
          label="Undo the last stroke"
          disabled={!strokes.length}
          onClick={() => set({ strokes: strokes.slice(0, -1) })}
        />
        <Button
          icon="close"
          label="Clear the paint"
          disabled={!strokes.length}
          onClick={() => set({ strokes: [] })}
        />
      </div>
      {brush.value > 0 && <BrushSize side={brush} width={store.size.value[0]} />}
      {!strokes.length ? (
        <p class="xw-muted">Paint on the input: drag, or move by arrows and stamp with space.</p>
      ) : live ? (
        <Score store={store} score={found?.brush} stale={found?.turn !== turn || !found.brush} />
      ) : (
        <p class="xw-muted">The score under the brush needs a kernel.</p>
      )}
    </div>
  );
}
