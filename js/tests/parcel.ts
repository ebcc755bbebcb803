/** Parcels as Python packs them, for tests. */

import { bytes } from "../src/arrays";
import type { Parcel, Array as WireArray } from "../src/wire";

export async function parcel(content: unknown): Promise<Parcel> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const stow = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(stow);
    if (!node || typeof node !== "object") return node;
    if ("dtype" in node) {
      const { data, ...rest } = node as WireArray;
      pieces.push(bytes(data));
      length += data.byteLength;
      return { ...rest, data: length - data.byteLength };
    }
    return Object.fromEntries(Object.entries(node).map(([name, one]) => [name, stow(one)]));
  };
  const stowed = stow(content);
  const flow = new Blob(pieces).stream().pipeThrough(new CompressionStream("deflate"));
  return { content: stowed, data: new DataView(await new Response(flow).arrayBuffer()) };
}
