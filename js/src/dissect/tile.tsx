/** A picture of the sheet with what a unit makes of it, and where a concept is. */

import { useEffect, useRef } from "preact/hooks";
import { put } from "../arrays";
import { outline } from "../contour";
import { WHOLE } from "../geometry";
import type { DissectStore, Sheet } from "./store";
import { lay } from "./tiles";
import { above, raised, shaded } from "./units";

const SHADE = 0.45;
const FINE = 3;
/** Yellow for the unit, blue for the concept (0xAABBGGRR); black on their other side. */
const UNIT = 0xff3fd2ff;
const CONCEPT = 0xffffb43c;
const OTHER = 0xa0000000;

/** Where the unit speaks in one of its top pictures, on a picture of `size` pixels. */
export function speaks(
  store: DissectStore,
  sheet: Sheet,
  unit: number,
  rank: number,
  [height, width]: readonly number[],
): Uint8Array {
  const [, top, rows, columns] = sheet.maps.shape;
  const begin = (unit * top + rank) * rows * columns;
  const own = store.values(sheet.maps).subarray(begin, begin + rows * columns);
  const [low, high, level] = [sheet.low, sheet.high, sheet.level].map(
    (array) => store.values(array)[unit],
  );
  const map = raised(own, [rows, columns], [height, width], anchorsOf(store, sheet));
  return above(map, high > low ? (255 * (level - low)) / (high - low) : 0);
}

/** The anchors of a layer's cells as shares of the picture: down, then across. */
function anchorsOf(store: DissectStore, { anchors }: Sheet): number[] | undefined {
  const [height, width] = store.about.value.size;
  return anchors?.map((place, i) => (place + (i % 2 ? 0 : 0.5)) / (i < 2 ? height : width));
}

/** The place in the sheet of pictures of a unit's picture, or −1. */
export function placeOf(store: DissectStore, sheet: Sheet, unit: number, rank: number): number {
  return store.values(sheet.pictures)[unit * sheet.pictures.shape[1] + rank] ?? -1;
}

interface TileProps {
  store: DissectStore;
  sheet: Sheet;
  unit: number;
  rank: number;
}

/** Small: lit where the unit speaks. */
export function Tile({ store, sheet, unit, rank }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = placeOf(store, sheet, unit, rank);
  const tiles = store.tiles.value;
  useEffect(() => {
    if (!canvas.current || !tiles || place < 0) return;
    const mask = speaks(store, sheet, unit, rank, tiles.size);
    lay(canvas.current, tiles, place, shaded(mask, SHADE), tiles.size[1]);
  }, [sheet, unit, rank, place, tiles]);
  return place < 0 ? <span class="xw-tile xw-blank" /> : <canvas class="xw-tile" ref={canvas} />;
}

/** Large: with the outline of where the unit speaks, and of where the concept is. */
export function FineTile(props: TileProps & { concept: number; masks: boolean }) {
  const { store, sheet, unit, rank, concept, masks } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = placeOf(store, sheet, unit, rank);
  const tiles = store.tiles.value;
  useEffect(() => {
    if (!canvas.current || !tiles) return;
    const [height, width] = tiles.size.map((length) => length * FINE);
    const screen = { pixels: new Uint32Array(height * width), width, height };
    if (masks) {
      const known = concept < 0 ? null : store.mask(place, concept);
      const pen = { outer: OTHER, thickness: 2 };
      if (known) {
        outline(known, width / FINE, height / FINE, WHOLE, screen, { ...pen, inner: CONCEPT });
      }
      const mask = speaks(store, sheet, unit, rank, [height, width]);
      outline(mask, width, height, WHOLE, screen, { ...pen, inner: UNIT });
    }
    lay(canvas.current, tiles, place, screen.pixels, width);
  }, [sheet, unit, rank, place, tiles, concept, masks]);
  return <canvas class="xw-tile" ref={canvas} />;
}

/** A unit's weights for one of the channels that it weighs, or all colours of a first layer. */
export function Kernel(props: { store: DissectStore; sheet: Sheet; unit: number; rank: number }) {
  const { sheet, unit, rank } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current && sheet.filters) {
      const { weights, colours } = sheet.filters;
      const [, channels, height, width] = weights.shape;
      const size = height * width;
      const raw = props.store.values(weights);
      const begin = unit * channels * size;
      const grey = new Uint32Array(size).map((_, i) => {
        const [red, green, blue] = colours
          ? [0, 1, 2].map((channel) => raw[begin + channel * size + i])
          : new Array<number>(3).fill(raw[begin + rank * size + i]);
        return 0xff000000 | (blue << 16) | (green << 8) | red;
      });
      put(canvas.current, grey, width);
    }
  }, [sheet, unit, rank]);
  return <canvas class="xw-tile xw-kernel" ref={canvas} />;
}
