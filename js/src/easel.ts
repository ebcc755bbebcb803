/** What pictures and maps are drawn with: the hand's crosshair and zoom, colours, decoded arrays. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { floats, pixels } from "./arrays";
import { table } from "./colour";
import { type Scale, scaleFor } from "./display";
import { type Point, WHOLE, type Zoom } from "./geometry";
import { once } from "./traits";
import type { ColourMap, Display, Kind, Region, Scene, Sign, Array as WireArray } from "./wire";

export interface Easel {
  closed: AbortSignal;
  scene: ReadonlySignal<Scene | null>;
  display: ReadonlySignal<Display>;
  region: Signal<Region | null>;
  /** The pixel of the picture that every read-out speaks of. */
  cross: Signal<Point | null>;
  zoom: Signal<Zoom>;
  /** Words for a screen reader. */
  spoken: Signal<string>;
  colourMap: ReadonlySignal<ColourMap>;
  /** The colour map as canvas pixels. */
  palette: ReadonlySignal<Uint32Array>;
  /** Whether an input is a row of parts: of tokens, or of a table's columns. */
  row: ReadonlySignal<boolean>;
  /** Whether it is one of a table. */
  table: ReadonlySignal<boolean>;
  /** Width and height of the picture; of a text its tokens and 1, of a table its columns and 1. */
  size: ReadonlySignal<[number, number]>;
  /** How many slices the input has; 1 of anything but volumes. */
  depth: ReadonlySignal<number>;
  scaleOf(sign: Sign): Scale;
  /** Change how maps are drawn, where a view lets its reader do so. */
  show?(change: Partial<Display>): void;
  /** A hand has finished drawing a region. */
  keepRegion(region: Region | null): void;
  /** An array's values, decoded once. */
  values(array: WireArray): Float32Array;
  /** A picture's pixels, decoded once. */
  pixels(array: WireArray): Uint32Array<ArrayBuffer>;
}

/** What a view has from the beginning; where regions go is its own affair. */
export function createEasel(
  closed: AbortSignal,
  about: ReadonlySignal<{ colour_maps: ColourMap[]; kind?: Kind }>,
  scene: ReadonlySignal<Scene | null>,
  display: ReadonlySignal<Display>,
): Omit<Easel, "region" | "keepRegion"> {
  const colourMap = computed(() => {
    const { colour_maps: all } = about.value;
    return all.find((map) => map.name === display.value.colour_map) ?? all[0];
  });
  return {
    closed,
    scene,
    display,
    colourMap,
    cross: signal<Point | null>(null),
    zoom: signal(WHOLE),
    spoken: signal(""),
    palette: computed(() => table(colourMap.value)),
    row: computed(() => about.value.kind === "text" || about.value.kind === "table"),
    table: computed(() => about.value.kind === "table"),
    size: computed(() => {
      const { picture, tokens } = scene.value ?? {};
      const [height, width] = picture?.shape.slice(-3, -1) ?? [1, tokens?.length || 1];
      return [width, height];
    }),
    depth: computed(() => {
      const [depth, ...rest] = scene.value?.picture?.shape ?? [];
      return rest.length === 3 ? depth : 1;
    }),
    scaleOf: (sign) => scaleFor(sign, colourMap.value.diverging),
    values: once(floats),
    pixels: once(pixels),
  };
}
