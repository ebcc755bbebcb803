/** The widget on volumes: one slice for all panels, each with the values of that slice. */

import { describe, expect, it, vi } from "vitest";
import { pixels, sliceOf } from "../src/arrays";
import widget from "../src/index";
import { DEFAULT_DISPLAY, type Display } from "../src/wire";
import { el, heatmap, host, page, press, sliders } from "./page";

const DEPTH = 3;
const floats = (make: (i: number) => number) => ({
  data: new DataView(Float32Array.from({ length: DEPTH * 16 }, (_, i) => make(i)).buffer),
  dtype: "float32" as const,
  shape: [DEPTH, 4, 4],
  scale: 1,
});
/** Every voxel's value is the number of its slice, with a hundredth for its place. */
const map = floats((i) => Math.floor(i / 16) + (i % 16) / 100);
const grey = {
  data: new DataView(Uint8Array.from({ length: DEPTH * 16 }, (_, i) => i).buffer),
  dtype: "uint8" as const,
  shape: [DEPTH, 4, 4, 1],
  scale: 1,
};

function traits() {
  const found = page([{}, {}], { kind: "volume", whole: "volume", part: "voxel" });
  return {
    ...found,
    scene: { ...(found.scene as object), picture: grey },
    display: { ...DEFAULT_DISPLAY, slice: 1 },
    slot_00: { ...heatmap(1), map },
    slot_01: { ...heatmap(1), map: floats((i) => -i) },
  };
}
async function shown() {
  const made = host(traits());
  widget.render({ model: made.model, el });
  await vi.waitFor(() => expect(el.querySelectorAll(".xw-panel").length).toBe(2));
  return made;
}
const stages = () => [...el.querySelectorAll<HTMLElement>(".xw-stage")];
const slider = () => el.querySelector<HTMLInputElement>('input[aria-label="Slice"]');
const pills = () => [...el.querySelectorAll(".xw-panel .xw-pill")].map((one) => one.textContent);

describe("a volume", () => {
  it("is read at the slice on screen, in every panel, by keyboard too", async () => {
    const { model } = await shown();
    expect([slider()?.value, slider()?.max]).toEqual(["1", "2"]);
    press(stages()[1], "ArrowRight"); // begins in the middle
    await vi.waitFor(() => expect(pills()[0]).toBe("1.10"));
    expect(pills()[1]).toBe("−26.0");
    press(stages()[1], "PageDown");
    expect(pills()).toEqual(["2.10", "−42.0"]);
    expect(el.querySelector("[aria-live=polite].xw-hidden")?.textContent).toBe("Slice 2 (0 to 2).");
    press(stages()[1], "PageDown"); // there is no other
    expect(slider()?.value).toBe("2");
    press(stages()[1], "PageUp");
    await vi.waitFor(() => expect((model.get("display") as Display).slice).toBe(1), 2000);
  });

  it("goes to the slice of the slider, and default settings leave it there", async () => {
    await shown();
    const range = slider() as HTMLInputElement;
    range.value = "0";
    range.dispatchEvent(new Event("input", { bubbles: true }));
    press(stages()[1], "ArrowRight");
    expect(pills()[0]).toBe("0.100");
    const reset = el.querySelector<HTMLButtonElement>('button[title="Default display"]');
    expect(reset?.disabled).toBe(true);
  });

  it("tells a region's share of its slice", async () => {
    const { model } = await shown();
    model.set("region", { x0: 0, y0: 0, x1: 4, y1: 1 });
    const sum = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => 1 + (from + i) / 100).reduce((a, b) => a + b, 0);
    const part = Math.round((100 * sum(0, 4)) / sum(0, 16));
    expect(el.textContent).toContain(`${part} % inside the region of this slice`);
  });

  it("is offered nothing that is for planes alone", async () => {
    await shown();
    expect(sliders()).toEqual(["Slice", "Clip", "Opacity", "Keep top", "Contour"]);
    for (const word of ["Masking", "Trust", "Brush"]) expect(el.textContent).not.toContain(word);
  });
});

describe("a picture", () => {
  it("has no slices", async () => {
    widget.render({ model: host(page([{}])).model, el });
    await vi.waitFor(() => expect(stages().length).toBe(2));
    expect(slider()).toBeNull();
    press(stages()[1], "PageDown");
    expect(el.textContent).not.toContain("Slice");
  });
});

describe("slices", () => {
  it("share the volume's memory, and what has no depth is its own slice", () => {
    const values = Float32Array.from({ length: 12 }, (_, i) => i);
    expect([...sliceOf(values, 2, 3, 1)]).toEqual([6, 7, 8, 9, 10, 11]);
    expect(sliceOf(values, 3, 4, 5)).toBe(values);
    expect(sliceOf(values, 2, 3, 1).buffer).toBe(values.buffer);
  });

  it("of grey and of coloured volumes become pixels", () => {
    expect(pixels(grey).length).toBe(48);
    expect(pixels(grey)[17]).toBe(0xff111111);
    const rgb = { ...grey, shape: [2, 2, 4, 3] };
    expect([...pixels(rgb)].length).toBe(16);
  });
});
