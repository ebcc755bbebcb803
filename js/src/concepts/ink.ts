/** A signed map as ink over a picture: the larger a value, the more it covers. */

const COLD = 24;
const WARM = 231;

/** Colours (0xAABBGGRR) of one map among many, from `from` on, by a table of 256 colours. */
export function ink(
  values: Float32Array,
  from: number,
  count: number,
  limit: number,
  table: Uint32Array,
): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(count);
  const [cold, warm] = [table[COLD] & 0xffffff, table[WARM] & 0xffffff];
  for (let i = 0; i < count; i++) {
    const share = limit > 0 ? Math.min(1, Math.abs(values[from + i]) / limit) : 0;
    out[i] = ((Math.round(255 * share) << 24) | (values[from + i] < 0 ? cold : warm)) >>> 0;
  }
  return out;
}

/** The magnitude that covers wholly: all but a few of the values lie below it. */
export function limitOf(values: Float32Array, share = 0.99): number {
  const sizes = values.map(Math.abs).sort();
  return sizes[Math.floor(share * (sizes.length - 1))] || sizes[sizes.length - 1] || 0;
}
