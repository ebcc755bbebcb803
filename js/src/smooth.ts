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

/** The blurred map. */
export function smooth(
  map: Float32Array,
  width: number,
  height: number,
  sigma: number,
): Float32Array {
  const weights = kernel(sigma);
  const radius = weights.length - 1;
  const across = new Float32Array(map.length);
  const out = new Float32Array(map.length);
  const padded = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    for (let i = 0; i < padded.length; i++) padded[i] = map[start + reflect(i - radius, width)];
    for (let x = 0; x < width; x++) {
      let sum = weights[0] * padded[x + radius];
      for (let k = 1; k <= radius; k++) {
        sum += weights[k] * (padded[x + radius - k] + padded[x + radius + k]);
      }
      across[start + x] = sum;
    }
  }
  // Down the columns, a whole row at a time: memory is read in order.
  for (let y = 0; y < height; y++) {
    const row = out.subarray(y * width, (y + 1) * width);
    for (let k = 0; k <= radius; k++) {
      const up = reflect(y - k, height) * width;
      const down = reflect(y + k, height) * width;
      const weight = weights[k];
      if (k === 0) for (let x = 0; x < width; x++) row[x] = weight * across[up + x];
      else for (let x = 0; x < width; x++) row[x] += weight * (across[up + x] + across[down + x]);
    }
  }
  return out;
}
