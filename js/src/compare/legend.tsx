/** The numbers behind the colours: ends of the scale, how it was cut, and where a pixel lies on it. */

import type { ReadonlySignal } from "@preact/signals";
import { gradient } from "../colour";
import type { Easel } from "../easel";
import { digits } from "../numbers";
import type { Sign } from "../wire";
import { cover } from "./tokens";

export function Legend(props: {
  store: Easel;
  limit: ReadonlySignal<number>;
  sign: Sign;
  /** What the colours stand for, when it is not the map itself. */
  what?: string | undefined;
  /** The value under the crosshair. */
  value: ReadonlySignal<number | null>;
}) {
  const { store, sign, what } = props;
  const { clip, scaling, opacity } = store.display.value;
  const limit = props.limit.value;
  const { low } = store.scaleOf(sign);
  const words = [
    what ?? (sign === "signed" ? "" : sign),
    scaling === "shared" ? "shared scale" : "",
    clip < 100 ? `clipped at ${clip} %` : "up to the largest",
  ];
  const said = words.filter(Boolean).join(" · ");
  if (store.table.value) return <p class="xw-muted xw-facts">{said}</p>; // bars have an axis
  const text = store.row.value;
  const covers = text ? (share: number) => opacity * cover(share, 1) : undefined;
  const most = digits(limit);
  const ends = low ? [`−${most}`, "0", `+${most}`] : ["0", sign === "negative" ? `−${most}` : most];
  return (
    <div class="xw-legend">
      <div
        class={text ? "xw-scale xw-clear-scale" : "xw-scale"}
        style={{ backgroundImage: gradient(store.colourMap.value, store.scaleOf(sign), covers) }}
      >
        <Tick {...props} low={low} />
      </div>
      <div class="xw-ends">
        {ends.map((end, i) => (
          <span key={i}>{end}</span>
        ))}
      </div>
      <div class="xw-muted">{said}</div>
    </div>
  );
}

/** A mark on the scale at the crosshair's value. */
function Tick(props: {
  value: ReadonlySignal<number | null>;
  limit: ReadonlySignal<number>;
  sign: Sign;
  low: number;
}) {
  const raw = props.value.value;
  if (raw === null) return null;
  const v = props.sign === "absolute" ? Math.abs(raw) : props.sign === "negative" ? -raw : raw;
  const t = Math.min(1, Math.max(props.low, v / (props.limit.value || 1)));
  return <i style={{ left: `${((t - props.low) / (1 - props.low)) * 100}%` }} />;
}
