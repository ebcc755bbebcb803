/** The widget on texts: running words, one hand for all panels, and nothing that is for pixels alone. */

import { describe, expect, it, vi } from "vitest";
import { cover } from "../src/compare/tokens";
import widget from "../src/index";
import { DEFAULT_DISPLAY, type Token } from "../src/wire";
import { el, host, masked, parts, point, press, rowPage, sliders, worth } from "./page";

const token = (piece: string, gap = " ", name = piece, special = false): Token => ({
  name,
  piece,
  gap,
  special,
});
const NASTY = "<img src=x onerror=alert(1)>";
const WORDS = [
  token("[CLS]", "", "[CLS]", true),
  token("play", ""),
  token("ing", "", "##ing"),
  token(NASTY),
  token("film", "\n"),
  token("", "", "Ã"),
];
const OTHER = [token("short", ""), token("text")];

const traits = () =>
  rowPage(
    { kind: "text", whole: "text", part: "token", fills: ["given", "zero"] },
    { name: "playing film", tokens: WORDS, reason: [0, 1, 1, 0, 0, 0], logit: 2 },
    ["short text"],
    [
      worth(0, WORDS, parts([0, 1, -0.5, 0.25, 0, 0]), {
        levels: parts([150, 34, 200, 67, 100, 134], "uint8"),
      }),
      worth(0, WORDS, parts([0, 3, 1, 0, 0, 0])),
      worth(1, OTHER, parts([7, 8]), { levels: parts([200, 100], "uint8") }),
    ],
  );

const texts = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".xw-text")];
const spans = (text: HTMLElement): HTMLElement[] => [
  ...text.querySelectorAll<HTMLElement>(".xw-token"),
];
const here = (text: HTMLElement): number =>
  spans(text).findIndex((span) => span.classList.contains("xw-here"));
const read = (text: HTMLElement): string => text.querySelector(".xw-read")?.textContent ?? "";

async function shown() {
  const made = host(traits());
  const close = widget.render({ model: made.model, el });
  await vi.waitFor(() => expect(texts().length).toBe(4));
  return { ...made, close };
}

describe("a text", () => {
  it("runs as it was written, and never as HTML", async () => {
    await shown();
    for (const text of texts().slice(0, 3)) {
      expect(text.querySelector("p")?.textContent).toBe(`[CLS]playing ${NASTY}\nfilm·`);
    }
    expect(el.querySelector("img")).toBeNull();
    expect(spans(texts()[0])[2].title).toBe("##ing");
  });

  it("has one hand for all its panels, each with its own value", async () => {
    await shown();
    const [input, first, second, held] = texts();
    point(spans(first)[1], "pointermove");
    expect([input, first, second].map(here)).toEqual([1, 1, 1]);
    expect([first, second].map(read)).toEqual(["play  1.00", "play  3.00"]);
    expect([here(held), read(held)]).toEqual([-1, ""]);
    point(first, "pointerleave");
    expect([input, first, second].map(here)).toEqual([-1, -1, -1]);
  });

  it("leaves an answer that is held for another text a hand of its own", async () => {
    await shown();
    const [input, first, , held] = texts();
    expect(held.querySelector("p")?.textContent).toBe("short text");
    point(spans(held)[1], "pointermove");
    expect(read(held)).toBe("text  8.00");
    expect([here(input), here(first)]).toEqual([-1, -1]);
  });

  it("goes from token to token by keyboard and says where it is", async () => {
    await shown();
    const [, first] = texts();
    press(first, "ArrowRight");
    press(first, "ArrowRight");
    expect(here(first)).toBe(1);
    expect(el.querySelector("[aria-live=polite].xw-hidden")?.textContent).toBe(
      "token 2 of 6, play: 1.00",
    );
    press(first, "ArrowRight", true);
    expect(here(first)).toBe(5);
    press(first, "Escape");
    expect(here(first)).toBe(-1);
  });

  it("gives a range that is dragged its share of the relevance", async () => {
    const { sent } = await shown();
    const [input, first] = texts();
    point(spans(first)[1], "pointerdown");
    point(spans(first)[2], "pointermove");
    point(spans(first)[2], "pointerup");
    const asked = sent.find(({ name }) => name === "set_region");
    expect(asked?.args.region).toEqual({ x0: 1, y0: 0, x1: 3, y1: 1 });
    expect(spans(input).map((span) => span.classList.contains("xw-in"))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    const panels = [...el.querySelectorAll(".xw-panel")].map((one) => one.textContent ?? "");
    expect(panels[0]).toContain("86 % inside the range"); // 1.5 of 1.75
    expect(panels[1]).toContain("100 % inside the range");
    expect(panels[2]).not.toContain("inside");
    expect(el.textContent).toContain("tokens 2 to 3");
  });

  it("gives a range by keyboard too", async () => {
    const { sent } = await shown();
    const [input] = texts();
    press(input, "ArrowRight");
    press(input, "r");
    press(input, "ArrowRight");
    press(input, "r");
    const asked = sent.find(({ name }) => name === "set_region");
    expect(asked?.args.region).toEqual({ x0: 0, y0: 0, x1: 2, y1: 1 });
  });

  it("is coloured by the painter's numbers, and white where there is no relevance", async () => {
    const { model } = await shown();
    const [, first] = texts();
    const shares = () => spans(first).map((one) => one.style.getPropertyValue("--xw-ink-at"));
    await vi.waitFor(() => expect(shares()[1]).not.toBe("0.0%"));
    expect(shares()[0]).toBe("0.0%");
    expect(spans(first)[1].style.getPropertyValue("--xw-of")).toBe("rgb(255 255 255)");
    const before = shares();
    model.set("display", { ...DEFAULT_DISPLAY, opacity: 0.4 });
    await vi.waitFor(() => expect(Number.parseFloat(shares()[1])).toBeCloseTo(40, 0));
    expect(before[1]).toBe("85.0%");
    model.set("display", { ...DEFAULT_DISPLAY, keep: 1 });
    await vi.waitFor(() => expect(shares()[2]).toBe("0.0%"));
  });

  it("underlines what is known to be true", async () => {
    const { model } = await shown();
    model.set("display", { ...DEFAULT_DISPLAY, truth: true });
    const marked = texts().map((text) =>
      spans(text).map((one) => Number(one.classList.contains("xw-true"))),
    );
    expect(marked[1]).toEqual([0, 1, 1, 0, 0, 0]);
    expect(marked[3]).toEqual([0, 0]);
  });

  it("strikes out the tokens that the mask slider takes away, and tells so", async () => {
    const { model } = await shown();
    const gone = () =>
      texts().map((text) =>
        spans(text).flatMap((one, i) => (one.classList.contains("xw-gone") ? [i] : [])),
      );
    model.set("masking_settings", masked(40, "given"));
    expect(gone()).toEqual([[], [1, 3], [], []]); // the input, no levels, another text
    const [, first] = texts();
    point(spans(first)[3], "pointermove");
    expect(read(first)).toBe(`${NASTY}  0.250, hidden`);
    model.set("masking_settings", { ...masked(40, "given"), mode: "reveal" });
    expect(gone()[1]).toEqual([0, 2, 4, 5]);
    expect(sliders()).toEqual(["Clip", "Opacity", "Keep top", "Share of tokens"]);
    expect(el.textContent).toContain("top 40 % revealed");
    expect(el.textContent).not.toContain("Brush");
    model.set("masking_settings", { ...masked(40, "given"), on: false });
    expect(gone()[1]).toEqual([]);
  });

  it("keeps its colours and its legend while it is masked", async () => {
    const { model } = await shown();
    const [, first] = texts();
    const share = () => spans(first)[1].style.getPropertyValue("--xw-ink-at");
    await vi.waitFor(() => expect(share()).toBe("85.0%"));
    model.set("masking_settings", masked(40, "given"));
    model.set("display", { ...DEFAULT_DISPLAY, opacity: 0.4 });
    await vi.waitFor(() => expect(Number.parseFloat(share())).toBeCloseTo(40, 0));
    expect(el.querySelectorAll(".xw-panel .xw-legend").length).toBe(3);
  });

  it("is offered nothing that is for pixels alone", async () => {
    await shown();
    expect(sliders()).toEqual(["Clip", "Opacity", "Keep top"]);
    const buttons = [...el.querySelectorAll("button")].map((one) => one.title || one.textContent);
    expect(buttons).not.toContain("Zoom in");
    expect([...el.querySelectorAll(".xw-film q")].map((one) => one.textContent)).toEqual([
      "playing film",
      "short text",
    ]);
  });

  it("leaves nothing behind", async () => {
    const { close } = await shown();
    close();
    expect(texts()).toEqual([]);
    expect(() => window.dispatchEvent(new PointerEvent("pointerup"))).not.toThrow();
  });
});

describe("how much of the paper a token's colour covers", () => {
  it("grows with the root of its share of the limit, and stops there", () => {
    expect([0, 0.25, -0.25, 1, 4].map((v) => cover(v, 1))).toEqual([0, 0.5, 0.5, 1, 1]);
    expect(cover(1, 0)).toBe(0);
  });
});
