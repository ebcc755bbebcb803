/** Gaussian blur as `scipy.ndimage.gaussian_filter(mode="reflect")` does it, radius ⌈3σ⌉. */

/** Half of the normalised kernel: the middle weight, then outwards. */
export function kernel(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const half = new Float64Array(radius + 1).map((_, i) => Math.exp((-i * i) / (2 * sigma * sigma)));
  let total = 0;
  for (let i = 0; i <= radius; i++) total += i ? 2 * half[i] : half[0];
  return half.map((weight) => weight / total);
}

/** Where index `i` lands in 0 … n−1 when the border reflects (d c b a | a b c d | d c b a). */
export function reflect(i: number, n: number): number {
  const at = ((i % (2 * n)) + 2 * n) % (2 * n);
  return at < n ? at : 2 * n - 1 - at;
}

/** Blur down the columns, and lay the result on its side: twice this is a blur both ways, upright. */
function pass(map: Float32Array, width: number, height: number, weights: Float64Array) {
  const radius = weights.length - 1;
  const out = new Float32Array(map.length);
  const up = new Int32Array(radius + 1);
  const down = new Int32Array(radius + 1);
  for (let y = 0; y < height; y++) {
    for (let k = 0; k <= radius; k++) {
      up[k] = reflect(y - k, height) * width;
      down[k] = reflect(y + k, height) * width;
    }
    // Four columns at a time: their sums do not wait for one another.
    let x = 0;
    for (; x + 3 < width; x += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let k = 0; k <= radius; k++) {
        const weight = weights[k];
        const i = up[k] + x;
        const j = down[k] + x;
        a += weight * (map[i] + map[j]);
        b += weight * (map[i + 1] + map[j + 1]);
        c += weight * (map[i + 2] + map[j + 2]);
        d += weight * (map[i + 3] + map[j + 3]);
      }
      const at = x * height + y;
      out[at] = a;
      out[at + height] = b;
      out[at + 2 * height] = c;
      out[at + 3 * height] = d;
    }
    for (; x < width; x++) {
      let sum = 0;
      for (let k = 0; k <= radius; k++) sum += weights[k] * (map[up[k] + x] + map[down[k] + x]);
      out[x * height + y] = sum;
    }
  }
  return out;
}

/** The blurred map. */
export function smooth(
  map: Float32Array,
  width: number,
  height: number,
  sigma: number,
): Float32Array {
  const weights = kernel(sigma);
  weights[0] /= 2; // the middle is met twice, from above and from below
  return pass(pass(map, width, height, weights), height, width, weights);
}
