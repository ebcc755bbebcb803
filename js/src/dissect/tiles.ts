/** Small pictures that travel as one sheet: see widgets/picture_sheet.py. */

import { bytes, put } from "../arrays";
import type { PictureSheet } from "../wire";

const BLOCK = 8;

/** A sheet that can be drawn from. */
export interface Tiles extends PictureSheet {
  image: ImageBitmap;
}

export async function developed(sheet: PictureSheet): Promise<Tiles> {
  const image = await createImageBitmap(new Blob([bytes(sheet.jpeg)], { type: "image/jpeg" }));
  return { ...sheet, image };
}

/** Where on the sheet a picture begins: x and y. */
export function cornerOf({ columns, size: [height, width] }: PictureSheet, place: number) {
  const [tall, wide] = [height, width].map((side) => Math.ceil(side / BLOCK) * BLOCK);
  return [(place % columns) * wide, Math.floor(place / columns) * tall] as const;
}

/** Put a picture on a canvas below colours (0xAABBGGRR, `across` in a row), as large as these. */
export function lay(
  canvas: HTMLCanvasElement,
  tiles: Tiles,
  place: number,
  colours: Uint32Array<ArrayBuffer>,
  across: number,
): void {
  const [x, y] = cornerOf(tiles, place);
  const [height, width] = tiles.size;
  put(canvas, colours, across);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.globalCompositeOperation = "destination-over";
  pen.imageSmoothingEnabled = false;
  pen.drawImage(tiles.image, x, y, width, height, 0, 0, canvas.width, canvas.height);
}
