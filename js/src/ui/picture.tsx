/** A small picture off the wire. */

import { useEffect, useRef } from "preact/hooks";
import { pixels, put } from "../arrays";
import type { Array as WireArray } from "../wire";

export function Picture({ array }: { array: WireArray }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) put(canvas.current, pixels(array), array.shape[1]);
  }, [array]);
  return <canvas ref={canvas} />;
}
