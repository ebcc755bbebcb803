/** One picture looked at closely: its map, what is painted in it, and a brush to paint with. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { put } from "../arrays";
import { clamp, type Point } from "../geometry";
import { begun, drawn, painted } from "../masking/brush";
import { digits } from "../numbers";
import { Picture } from "../ui/picture";
import { Overlay } from "./overlay";
import type { ConceptsStore } from "./store";

const PAINT = 0xb4_00_d0_ff; // amber, half covering

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function CloseLook({ store }: { store: ConceptsStore }) {
  const scene = store.scene.value;
  if (!scene) return null;
  const { index, picture } = scene;
  const { name, predicted, truth } = store.pictures.value[index];
  const cell = store.cell.value;
  const slope = cell ? store.values(cell.slopes)[index] : Number.NaN;
  return (
    <figure class="xw-close">
      <Canvas store={store} key={index} />
      <figcaption>
        <span class="xw-name">{name}</span>
        <span class="xw-muted">
          {predicted && `${picture.shape[1]} × ${picture.shape[0]}, the network says ${predicted}`}
          {truth && truth !== predicted && `, it is ${truth}`}
        </span>
        {cell && (
          <span class="xw-muted">
            likeness to {cell.concept} {digits(store.values(cell.likeness)[index])}
            {!Number.isNaN(slope) && `; the score changes by ${digits(slope)} towards it`}
          </span>
        )}
      </figcaption>
      <MapScale store={store} />
    </figure>
  );
}

function Canvas({ store }: { store: ConceptsStore }) {
  const scene = store.scene.value;
  const sheet = useRef<HTMLCanvasElement>(null);
  const cursor = useSignal<Point | null>(null);
  const painting = useSignal(false);
  const index = scene?.index ?? 0;
  const [height, width] = scene?.picture.shape ?? [1, 1];
  const brushing = store.tool.value === "brush";
  const strokes = store.paint.value[index];
  const side = store.brush.value;
  useEffect(() => {
    if (!sheet.current) return;
    const levels = painted(strokes ?? [], width, height);
    put(
      sheet.current,
      Uint32Array.from(levels, (level) => (level === 1 ? PAINT : 0)),
      width,
    );
  }, [strokes, width, height]);
  if (!scene) return null;

  const pixel = (event: PointerEvent): Point => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return {
      x: clamp(Math.floor(((event.clientX - box.left) / box.width) * width), 0, width - 1),
      y: clamp(Math.floor(((event.clientY - box.top) / box.height) * height), 0, height - 1),
    };
  };
  const stamp = (at: Point, fresh: boolean): void => {
    const before = store.paint.peek()[index] ?? [];
    const next = fresh || !before.length ? begun(before, side, at) : drawn(before, at);
    store.paint.value = { ...store.paint.peek(), [index]: next };
  };
  const press = (event: KeyboardEvent): void => {
    const here = cursor.value ?? { x: width >> 1, y: height >> 1 };
    const step = STEPS[event.key];
    if (step) {
      const by = event.shiftKey ? 10 : 1;
      cursor.value = {
        x: clamp(here.x + step[0] * by, 0, width - 1),
        y: clamp(here.y + step[1] * by, 0, height - 1),
      };
      store.spoken.value = `x ${cursor.value.x}, y ${cursor.value.y}`;
    } else if (event.key === " " && brushing) {
      cursor.value = here;
      stamp(here, true);
      store.spoken.value = `Stamped at x ${here.x}, y ${here.y}.`;
    } else return;
    event.preventDefault();
  };
  const at = cursor.value;
  return (
    <div
      class={`xw-canvas ${brushing ? "xw-brushing" : ""}`}
      style={`aspect-ratio:${width}/${height}`}
      tabIndex={brushing ? 0 : -1}
      role="application"
      aria-roledescription="picture"
      aria-label={brushing ? "Picture to paint in: arrows move, space stamps" : "Picture"}
      onPointerDown={(event) => {
        if (!brushing || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        painting.value = true;
        cursor.value = pixel(event);
        stamp(pixel(event), true);
      }}
      onPointerMove={(event) => {
        if (!brushing) return;
        const now = pixel(event);
        const moved = now.x !== at?.x || now.y !== at.y;
        if (!moved) return;
        cursor.value = now;
        if (painting.value) stamp(now, false);
      }}
      onPointerUp={() => {
        painting.value = false;
      }}
      onPointerLeave={() => {
        if (!painting.value) cursor.value = null;
      }}
      onKeyDown={press}
    >
      <Picture array={scene.picture} />
      {!brushing && <Overlay store={store} index={index} />}
      <canvas class="xw-paint" ref={sheet} />
      {brushing && at && (
        <i
          class="xw-tip"
          style={
            `left:${((at.x - (side >> 1)) / width) * 100}%;top:${((at.y - (side >> 1)) / height) * 100}%;` +
            `width:${(side / width) * 100}%;height:${(side / height) * 100}%`
          }
        />
      )}
    </div>
  );
}

/** What the colours of the map mean. */
function MapScale({ store }: { store: ConceptsStore }) {
  const maps = store.maps.value;
  const limit = store.limit.value;
  if (!maps?.maps || !store.overlay.value) return null;
  return (
    <div class="xw-legend">
      <div class="xw-two-sided" />
      <div class="xw-ends">
        <span>{digits(-limit)}</span>
        <span>0</span>
        <span>{digits(limit)}</span>
      </div>
      <p class="xw-facts">{maps.words}</p>
    </div>
  );
}
