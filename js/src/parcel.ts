/** What travels deflated, many arrays at once: see widgets/parcel.py. */

import { bytes, SIZES } from "./arrays";
import type { Parcel, Array as WireArray } from "./wire";

/** What a parcel holds, its arrays as if each had travelled alone. */
export async function opened<T>({ content, data }: Parcel): Promise<T> {
  const flow = new Blob([bytes(data)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return unstowed(content, await new Response(flow).arrayBuffer()) as T;
}

function unstowed(node: unknown, buffer: ArrayBuffer): unknown {
  if (Array.isArray(node)) return node.map((one) => unstowed(one, buffer));
  if (!node || typeof node !== "object") return node;
  if ("dtype" in node) {
    const array = node as Omit<WireArray, "data"> & { data: number };
    const size = array.shape.reduce((a, b) => a * b, SIZES[array.dtype]);
    return { ...array, data: new DataView(buffer, array.data, size) };
  }
  const entries = Object.entries(node).map(([name, one]) => [name, unstowed(one, buffer)]);
  return Object.fromEntries(entries);
}
