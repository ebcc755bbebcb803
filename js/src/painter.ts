/** Paints every map of a view, once per animation frame, and only what has changed. */

import { put, sliceOf } from "./arrays";
import { inside, maskBox } from "./box";
import { outline, type Pen } from "./contour";
import { applySign, colourise, limitOf, type Ranks, rank } from "./display";
import type { Easel } from "./easel";
import type { Zoom } from "./geometry";
import { type Veil, veiled } from "./masking/masks";
import { smooth } from "./smooth";
import type { Region, Sign, Array as WireArray } from "./wire";

/** One stack of canvases on screen. */
export interface Sheet {
  /** The map to draw now; null while there is none. */
  array(): WireArray | null;
  /** The sign to draw it with, when it is not the reader's (a standard error has none). */
  sign?(): Sign | undefined;
  canvas?: HTMLCanvasElement;
  /** Takes values, colours and the magnitude that has the full colour, where there is no canvas. */
  ink?(v: Float32Array, colours: Uint32Array, limit: number): void;
  /** The picture underneath, what hides a part of it, and where the two are drawn. */
  picture?(): WireArray | null;
  veil?(): Veil | null;
  under?: HTMLCanvasElement;
  /** Contours, boxes and truth, on the screen's own pixels. */
  over?: HTMLCanvasElement;
  /** The box around what the map calls important, in its own pixels. */
  boxed?(): Region | null;
  /** The pixels of the picture that a reader has marked. */
  marked?(): Uint8Array | null;
  /** Values of another kind than the panels': on a scale of its own. */
  own?: boolean;
  /** A thumbnail: takes no part in the shared scale; smoothing shrinks with it. */
  stride?: number;
  /** Told the magnitude that has the full colour. */
  scaled?(limit: number): void;
}

export interface Painter {
  add(sheet: Sheet): () => void;
  /** Paint at the next frame. */
  ask(): void;
}

interface Field {
  array: WireArray;
  sigma: number;
  sign: Sign;
  smoothed: Float32Array;
  v: Float32Array;
  ranks: Ranks;
  clip: number;
  limit: number;
  /** Its colours; handed on to the next field of the same sheet. */
  colours: Uint32Array<ArrayBuffer>;
}

const CONTOUR: Pen = { inner: 0xffffffff, outer: 0xff101010, thickness: 1 };
const TRUTH: Pen = { inner: 0xff7cff5a, outer: 0xff143300, thickness: 1 };
const BOX: Pen = { inner: 0xff00b0ff, outer: 0xff101010, thickness: 1, closed: true };
const TRUE_BOX: Pen = { ...TRUTH, closed: true };
// Smoothing eight large maps, or filling eight holes from their neighbours, can take longer than a
// frame; the rest then follows in the next one.
const SLICE = 6;

export function createPainter(store: Easel): Painter {
  const fields = new Map<Sheet, Field>();
  const drawn = new WeakMap<object, unknown[]>();
  const screens = new WeakMap<HTMLCanvasElement, Uint32Array<ArrayBuffer>>();
  const sheets = new Set<Sheet>();
  let frame = 0;

  /** True when the last work with these inputs still holds. */
  function same(work: object, inputs: unknown[]): boolean {
    const last = drawn.get(work);
    if (last && last.length === inputs.length && inputs.every((x, i) => x === last[i])) return true;
    drawn.set(work, inputs);
    return false;
  }

  /** What is on screen of values that lie as a map does. */
  function cut<A extends Float32Array | Uint32Array<ArrayBuffer>>(values: A, map: WireArray): A {
    const [rows, columns] = map.shape.slice(-2);
    return sliceOf(values, rows, columns, store.display.peek().slice);
  }

  /** The values that the display settings ask for; true when they had to be worked out. */
  function prepare(sheet: Sheet): boolean {
    const array = sheet.array();
    if (!array) return fields.delete(sheet) && false;
    const { smoothing, sign: chosen } = store.display.peek();
    const [height, width, deep] = array.shape;
    const sigma = deep ? 0 : smoothing / (sheet.stride ?? 1); // of planes only
    const sign = sheet.sign?.() ?? chosen;
    const old = fields.get(sheet);
    const kept = old?.array === array && old.sigma === sigma;
    if (kept && old.sign === sign) return false;
    const raw = store.values(array);
    const smoothed = kept ? old.smoothed : sigma > 0 ? smooth(raw, width, height, sigma) : raw;
    const v = applySign(smoothed, sign);
    const colours = old?.v.length === v.length ? old.colours : new Uint32Array(v.length);
    const ranks = rank(v);
    fields.set(sheet, { array, sigma, sign, smoothed, v, ranks, clip: -1, limit: 0, colours });
    return true;
  }

  function colour(sheet: Sheet, field: Field, limit: number): void {
    const { keep, slice } = store.display.peek();
    const table = store.palette.peek();
    if (!(sheet.canvas || sheet.ink) || same(sheet, [field, limit, keep, table, slice])) return;
    const scale = store.scaleOf(field.sign);
    const [v, colours] = [cut(field.v, field.array), cut(field.colours, field.array)];
    colourise(v, limit, scale, field.ranks.threshold(keep), table, colours);
    sheet.ink?.(v, colours, limit);
    if (sheet.canvas) put(sheet.canvas, colours, field.array.shape.at(-1) as number);
  }

  /** The picture of one sheet, as far as it is not hidden; true when it had to be drawn. */
  function lay({ under, picture, veil }: Sheet): boolean {
    const shown = picture?.();
    if (!under || !shown) return false;
    const cover = veil?.();
    const { slice } = store.display.peek();
    if (same(under, [shown, slice, cover?.levels, cover?.at, cover?.flip, cover?.filled])) {
      return false;
    }
    const [rows, width] = shown.shape.slice(-3, -1);
    const whole = sliceOf(store.pixels(shown), rows, width, slice);
    if (cover?.levels.length !== whole.length) {
      put(under, whole, width);
      return true;
    }
    let mix = screens.get(under);
    if (mix?.length !== whole.length) mix = new Uint32Array(whole.length);
    screens.set(under, mix);
    veiled(whole, width, cover, mix);
    put(under, mix, width);
    return true;
  }

  /** Contour, box and truth of one sheet. */
  function trace(sheet: Sheet): void {
    const { over } = sheet;
    if (!over) return;
    const { contour, box, truth, slice } = store.display.peek();
    const masks = truth ? store.scene.peek()?.masks : undefined;
    const field = contour > 0 ? fields.get(sheet) : undefined;
    const boxed = sheet.boxed?.();
    const marked = sheet.marked?.();
    const zoom: Zoom = store.zoom.peek();
    const dots = Math.min(2, devicePixelRatio || 1);
    const width = Math.round(over.clientWidth * dots);
    const height = Math.round(over.clientHeight * dots);
    const idle = !width || !(field || boxed || marked || masks?.length);
    const traced = [field, contour, box, boxed, marked, masks, zoom, width, height, slice];
    if (same(over, idle ? [] : traced)) return;
    if (idle) {
      over.width = 0;
      return;
    }
    let pixels = screens.get(over);
    if (pixels?.length === width * height) pixels.fill(0);
    else pixels = new Uint32Array(width * height);
    screens.set(over, pixels);
    const screen = { pixels, width, height };
    const thickness = Math.round(dots);
    const draw = (set: Uint8Array, shape: number[], pen: Pen): void => {
      const [rows, columns] = shape.slice(-2);
      outline(set, columns, rows, zoom, screen, { ...pen, thickness });
    };
    for (const { mask } of masks ?? []) {
      const { shape } = mask;
      const values = cut(store.values(mask), mask);
      const object = Uint8Array.from(values, (x) => +(x > 0));
      draw(object, shape, TRUTH);
      const tight = box > 0 && maskBox(values, shape[1]);
      if (tight) draw(inside(tight, shape[1], shape[0]), shape, TRUE_BOX);
    }
    if (field) {
      const level = field.ranks.percentile(contour);
      const v = cut(field.v, field.array);
      const set = new Uint8Array(v.length);
      for (let i = 0; i < set.length; i++) set[i] = +(v[i] >= level || -v[i] >= level);
      draw(set, field.array.shape, CONTOUR);
    }
    if (marked) draw(marked, [...store.size.peek()].reverse(), BOX);
    const shape = sheet.array()?.shape;
    if (boxed && shape) draw(inside(boxed, shape[1], shape[0]), shape, BOX);
    put(over, pixels, width);
  }

  function paint(): void {
    frame = 0;
    const start = performance.now();
    const { clip, scaling } = store.display.peek();
    let late = false;
    for (const sheet of sheets) {
      late = performance.now() - start > 2 * SLICE;
      if (late) break;
      if (lay(sheet)) sheets.delete(sheet) && sheets.add(sheet);
    }
    const laid = performance.now();
    for (const sheet of sheets) {
      if (performance.now() - laid > SLICE) {
        late = true;
        break;
      }
      // Who has been served goes to the end of the queue, so that nobody waits while a hand moves.
      if (prepare(sheet)) sheets.delete(sheet) && sheets.add(sheet);
    }
    let shared = 0;
    for (const [sheet, field] of fields) {
      if (field.clip !== clip) field.limit = limitOf(field.ranks, clip, field.v.length);
      field.clip = clip;
      if (!sheet.stride && !sheet.own) shared = Math.max(shared, field.limit);
    }
    for (const sheet of sheets) {
      const field = fields.get(sheet);
      if (field) {
        const limit = scaling === "shared" && !sheet.own ? shared : field.limit;
        sheet.scaled?.(limit);
        colour(sheet, field, limit);
      }
    }
    for (const sheet of sheets) {
      if (performance.now() - start > 2 * SLICE) late = true;
      else trace(sheet);
    }
    if (late) ask();
  }

  function ask(): void {
    frame ||= requestAnimationFrame(paint);
  }

  store.closed.addEventListener("abort", () => cancelAnimationFrame(frame));
  return {
    ask,
    add(sheet) {
      sheets.add(sheet);
      ask();
      return () => {
        sheets.delete(sheet);
        fields.delete(sheet);
      };
    },
  };
}
