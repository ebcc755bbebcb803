/** Colour tables off the wire, for canvases and for CSS. */

import { bytes } from "./arrays";
import type { Scale } from "./display";
import type { ColourMap } from "./wire";

/** 256 colours as canvas pixels, 0xAABBGGRR. */
export function table({ data }: ColourMap): Uint32Array {
  const rgb = bytes(data);
  return new Uint32Array(256).map(
    (_, i) => 0xff000000 | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i],
  );
}

/** The part of a table that a scale uses, as a CSS gradient; `cover` is how much of the paper a share
 * of the limit hides. */
export function gradient(
  { data }: ColourMap,
  { base, gain, low }: Scale,
  cover?: (share: number) => number,
): string {
  const rgb = bytes(data);
  const stops = Array.from({ length: 17 }, (_, i) => {
    const share = low + ((1 - low) * i) / 16;
    const at = 3 * Math.floor(base + gain * share + 0.5);
    const veil = cover ? ` / ${cover(share).toFixed(2)}` : "";
    return `rgb(${rgb[at]} ${rgb[at + 1]} ${rgb[at + 2]}${veil})`;
  });
  return `linear-gradient(90deg,${stops})`;
}
