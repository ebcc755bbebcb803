/** The widget on tables: bars in order, one hand for all panels, whiskers, and what is hidden. */

import { describe, expect, it, vi } from "vitest";
import { at, inOrder } from "../src/compare/bars";
import widget from "../src/index";
import { DEFAULT_DISPLAY } from "../src/wire";
import { el, host, masked, parts, point, press, rowPage, sliders, worth } from "./page";

const NASTY = "<img src=x onerror=alert(1)>";
const NAMES = [NASTY, ...Array.from({ length: 13 }, (_, i) => `column ${i + 1}`)];
const cells = (...pieces: string[]) =>
  NAMES.map((name, i) => ({ name, piece: pieces[i] ?? String(i), gap: "", special: false }));
/** Fourteen numbers: the first are given, all others 0. */
const numbered = (...first: number[]) => parts(NAMES.map((_, i) => first[i] ?? 0));

const traits = () => ({
  ...rowPage(
    { kind: "table", whole: "row", part: "column", fills: ["mean", "rows"] },
    {
      name: "row 1",
      tokens: cells("own"),
      reason: NAMES.map((_, i) => Number(i === 1)),
      logit: 152.5,
    },
    ["row 2"],
    [
      worth(0, cells("own"), numbered(1, -2, 0.5), {
        error: numbered(0.25, 0.5),
        levels: parts(
          NAMES.map((_, i) => (i === 0 ? 10 : 100)),
          "uint8",
        ),
      }),
      worth(1, cells("other"), numbered(0, 0, 4)),
    ],
  ),
  display: { ...DEFAULT_DISPLAY, clip: 100 },
});

const tables = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".xw-table")];
const lines = (table: HTMLElement): HTMLElement[] => [
  ...table.querySelectorAll<HTMLElement>(".xw-column[data-at]"),
];
const numbers = (table: HTMLElement): number[] => lines(table).map((one) => Number(one.dataset.at));
const line = (table: HTMLElement, column: number): HTMLElement =>
  lines(table).find((one) => one.dataset.at === String(column)) as HTMLElement;
const here = (table: HTMLElement): number[] =>
  lines(table).flatMap((one) => (one.classList.contains("xw-here") ? Number(one.dataset.at) : []));
const read = (table: HTMLElement): string => table.querySelector(".xw-read")?.textContent ?? "";
const from = (one: HTMLElement): string => one.style.getPropertyValue("--xw-from");
const long = (one: HTMLElement): string => one.style.getPropertyValue("--xw-long");

async function shown() {
  const made = host(traits());
  const close = widget.render({ model: made.model, el });
  await vi.waitFor(() => expect(tables().length).toBe(3));
  await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("50%"));
  return { ...made, close };
}

describe("a row of a table", () => {
  it("stands as it is beside its predictions, and never as HTML", async () => {
    await shown();
    const [input] = tables();
    expect(numbers(input)).toEqual(NAMES.map((_, i) => i));
    expect(lines(input)[0].textContent).toBe(`${NASTY}own`);
    expect(el.querySelector("img")).toBeNull();
    expect(el.querySelector(".xw-share")?.textContent).toBe("153"); // one score is no probability
  });

  it("has bars by size, each panel in its own order, folded after twelve", async () => {
    await shown();
    const [, first, held] = tables();
    expect(numbers(first).slice(0, 3)).toEqual([1, 0, 2]);
    expect(numbers(held)[0]).toBe(2);
    expect(numbers(first).length).toBe(12);
    const more = first.querySelector<HTMLElement>(".xw-more");
    expect(more?.textContent).toBe("2 more columns");
    more?.click();
    expect([first, held].map((table) => numbers(table).length)).toEqual([14, 14]);
  });

  it("keeps the table's order where that is asked for", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, clip: 100, order: "table" });
    await vi.waitFor(() => expect(numbers(tables()[1]).slice(0, 3)).toEqual([0, 1, 2]));
  });

  it("draws what speaks against to the left of 0, and a whisker of one standard error", async () => {
    await shown();
    const [, first] = tables();
    expect([from(line(first, 1)), long(line(first, 1))]).toEqual(["0%", "50%"]);
    expect([from(line(first, 0)), long(line(first, 0))]).toEqual(["50%", "25%"]);
    const whisker = line(first, 0).querySelector("u") as HTMLElement;
    expect([whisker.style.left, whisker.style.width]).toEqual(["68.75%", "12.5%"]);
    expect(first.querySelector(".xw-axis")?.textContent).toBe("−2.0002.00");
    expect(tables()[2].querySelector("u")?.hidden).toBe(true);
  });

  it("leaves a whisker open where it goes on behind the scale's end", async () => {
    await shown();
    const ends = [0, 1].map((column) => line(tables()[1], column).querySelector("u")?.className);
    expect(ends).toEqual(["", "xw-from-before"]);
  });

  it("shares one scale, or looks at one sign alone, as the reader likes", async () => {
    const { model } = await shown();
    const set = (change: object) =>
      model.set("display", { ...DEFAULT_DISPLAY, clip: 100, ...change });
    set({ scaling: "shared" });
    await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("25%"));
    set({ sign: "positive" });
    await vi.waitFor(() => expect(long(line(tables()[1], 0))).toBe("100%"));
    expect(from(line(tables()[1], 0))).toBe("0%");
    set({ clip: 0 });
    await vi.waitFor(() => expect(long(line(tables()[1], 1))).toBe("50%"));
  });

  it("has one hand for all its panels, each with its own value", async () => {
    await shown();
    const [input, first, held] = tables();
    point(line(first, 0).querySelector("i") as HTMLElement, "pointermove");
    expect([input, first].map(here)).toEqual([[0], [0]]);
    expect([first, held].map(read)).toEqual([
      `${NASTY} = own   1.00 ± 0.250`,
      `${NASTY} = other   0`,
    ]);
    point(first, "pointerleave");
    expect([input, first, held].flatMap(here)).toEqual([]);
  });

  it("goes from column to column by keyboard, in the order on screen, and says where it is", async () => {
    await shown();
    const [, first] = tables();
    press(first, "ArrowDown");
    press(first, "ArrowDown");
    expect(here(first)).toEqual([0]);
    expect(el.querySelector("[aria-live=polite].xw-hidden")?.textContent).toBe(
      `${NASTY} is own, 2 of 12: 1.00 ± 0.250`,
    );
    press(first, "ArrowUp");
    expect(here(first)).toEqual([1]);
    press(first, "End");
    expect(here(first)).toEqual([numbers(first)[11]]);
    press(first, "Escape");
    expect(here(first)).toEqual([]);
  });

  it("strikes out the columns that the mask slider takes away", async () => {
    const { model } = await shown();
    model.set("masking_settings", masked(10, "mean"));
    const gone = () =>
      lines(tables()[1]).flatMap((one) =>
        one.classList.contains("xw-gone") ? Number(one.dataset.at) : [],
      );
    await vi.waitFor(() => expect(gone()).toEqual([0]));
    expect(el.textContent).toContain("top 10 % removed");
    expect(sliders()).toContain("Share of columns");
    expect(el.textContent).not.toContain("Brush");
  });

  it("underlines what is known to be true, and dims what is not among the largest", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, clip: 100, truth: true, keep: 7 });
    const having = (name: string) =>
      lines(tables()[1]).flatMap((one) =>
        one.classList.contains(name) ? Number(one.dataset.at) : [],
      );
    expect(having("xw-true")).toEqual([1]);
    await vi.waitFor(() => expect(having("xw-dim")).toContain(0));
    expect(having("xw-dim")).not.toContain(1);
  });

  it("is offered nothing that is for pixels or for colours alone", async () => {
    await shown();
    expect(sliders()).toEqual(["Clip", "Keep top"]);
    const buttons = [...el.querySelectorAll("button")].map((one) => one.title || one.textContent);
    expect(buttons).not.toContain("Zoom in");
    expect(buttons).toContain("In order");
    expect(el.querySelector(".xw-film b")?.textContent).toBe("row 1");
  });

  it("leaves nothing behind", async () => {
    const { close } = await shown();
    close();
    expect(tables()).toEqual([]);
  });
});

describe("the order of bars", () => {
  it("is by size with either sign, equal ones as in the table", () => {
    expect(inOrder([0, -3, 2, 3, 0], true)).toEqual([1, 3, 2, 0, 4]);
    expect(inOrder([0, -3, 2], false)).toEqual([0, 1, 2]);
  });
});

describe("the place of a number on a track", () => {
  it("runs from the lower end to the upper, and stops there", () => {
    expect([-2, -1, 0, 1, 4].map((v) => at(v, 2, -1))).toEqual([0, 25, 50, 75, 100]);
    expect([-1, 0, 1].map((v) => at(v, 2, 0))).toEqual([0, 0, 50]);
    expect(at(0, 0, -1)).toBe(50);
  });
});
