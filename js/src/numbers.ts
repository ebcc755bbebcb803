/** Numbers in words that a reader can compare. */

/** Three significant digits, with a true minus sign. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "not a number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const odd = size < 1e-3 || size >= 1e5;
  const text = odd ? value.toExponential(2) : size < 1000 ? value.toPrecision(3) : value.toFixed(0);
  return text.replace(/-/g, "−");
}

/** A share of one as a percentage, one decimal where it tells something. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 9.95 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}

/** Seconds with what they can resolve. */
export function seconds(value: number): string {
  return value < 9.95 ? `${value.toFixed(2)} s` : `${value.toFixed(0)} s`;
}
