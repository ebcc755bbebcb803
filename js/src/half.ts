/** Half floats (IEEE 754 binary16) to numbers. */

// A half is (1024 + mantissa) * 2^(exponent - 25); without its implied one when the exponent is 0.
const POWERS = Float64Array.from({ length: 32 }, (_, e) => 2 ** (Math.max(e, 1) - 25));

/** The number that one 16-bit pattern stands for. */
export function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 1024 + mantissa : mantissa) * POWERS[exponent];
}

/** Many of them, each times `scale`. */
export function halves(patterns: Uint16Array, scale: number): Float32Array {
  const out = new Float32Array(patterns.length);
  for (let i = 0; i < out.length; i++) out[i] = half(patterns[i]) * scale;
  return out;
}
