/** Colours and dashes that tell the series of a plot apart. */

const COLOURS = 8;
export const colourOf = (slot: number): string => `--xw-series:var(--xw-c${slot % COLOURS})`;
/** Lines whose colours some eyes take for another's are dashed. */
export const dashOf = (slot: number): string => (slot % COLOURS < 5 ? "none" : "7 3");
