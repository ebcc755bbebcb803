/** How wide a brush is. */

import type { Signal } from "@preact/signals";
import { Slider } from "./parts";

/** The side of a brush in pixels, up to a third of the `width` of what it paints on. */
export function BrushSize({ side, width }: { side: Signal<number>; width: number }) {
  return (
    <Slider
      label="Brush"
      low={1}
      high={Math.round(width / 3)}
      step={1}
      value={side.value}
      text={`${side.value} px`}
      onInput={(next) => {
        side.value = next;
      }}
    />
  );
}
