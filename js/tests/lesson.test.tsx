/** Lessons: the same numbers as Python's, and pages that hold back what they should. */

import { describe, expect, it } from "vitest";
import file from "../../tests/golden/lesson.json";
import widget from "../src/lesson";
import { answers } from "../src/lesson/answers";
import { agreement, marked, type Shapes } from "../src/lesson/marks";
import { overlap } from "../src/lesson/overlap";
import { summed } from "../src/lesson/predict";
import { standings } from "../src/lesson/standings";
import { createOfflineModel } from "../src/lesson-offline";
import type { Model } from "../src/requests";
import type { Ballot } from "../src/wire";
import { el } from "./page";

type Nullable = number | null;
const golden = file as unknown as {
  size: [number, number];
  shapes: Record<string, Shapes>;
  marked: Record<string, number[]>;
  maps: Record<string, number[]>;
  overlaps: {
    map: string;
    shapes: string;
    share: Nullable;
    iou: Nullable;
    hit: Nullable;
    area: number;
  }[];
  names: Record<string, string[]>;
  standings: { votes: Record<string, string>; rows: [string, number, number][] }[];
  answers: {
    count: number;
    marks: Record<string, Shapes>;
    ballots: Record<string, Ballot>;
    said: string;
  }[];
};
const [HEIGHT, WIDTH] = golden.size;
const near = (a: Nullable, b: Nullable): void => {
  if (a === null || b === null) expect(a).toBe(b);
  else expect(a).toBeCloseTo(b, 9);
};

describe("the golden file that Python reads too", () => {
  it.each(Object.keys(golden.shapes))("marks: %s", (name) => {
    const inside = marked(golden.shapes[name], WIDTH, HEIGHT);
    expect([...inside.keys()].filter((i) => inside[i])).toEqual(golden.marked[name]);
  });

  it.each(golden.overlaps)("overlap of $map with $shapes", (one) => {
    const map = Float32Array.from(golden.maps[one.map]);
    const found = overlap(map, marked(golden.shapes[one.shapes], WIDTH, HEIGHT));
    for (const key of ["share", "iou", "hit", "area"] as const) near(found[key], one[key]);
  });

  it.each(golden.standings)("standings of $votes", ({ votes, rows }) => {
    const found = standings(golden.names, votes);
    expect(found.map(({ name, first, place }) => [name, first, place])).toEqual(rows);
  });

  it.each(golden.answers)("answers: $said", ({ said, ...given }) => {
    const code = answers("(\n⟨answers⟩)⟨ending⟩", { ...given, revealed: [], blind: true });
    expect(code).toBe(`(\n${said})`);
  });
});

describe("marks", () => {
  it("agree wholly with themselves and not at all with their complement", () => {
    const inside = marked([[1, 1, 4, 3]], WIDTH, HEIGHT);
    expect(agreement(inside, inside)).toBe(1);
    expect(
      agreement(
        inside,
        inside.map((x) => 1 - x),
      ),
    ).toBe(0);
  });
});

// --- pages -------------------------------------------------------------------------------------

const grey = (n: number) => new DataView(new Uint8Array(n).buffer);
const picture = { data: grey(48), dtype: "uint8" as const, shape: [4, 4, 3], scale: 1 };
const array = (values: number[]) => ({
  data: new DataView(Float32Array.from(values).buffer),
  dtype: "float32" as const,
  shape: [4, 4],
  scale: 1,
});
/** A map that is 1 in the first `n` pixels. */
const first = (n: number) => array(Array.from({ length: 16 }, (_, i) => +(i < n)));
const card = (name: string, letter: string, n: number, told = true) => ({
  name: told ? name : letter,
  letter,
  blurb: told ? `what ${name} does` : "",
  map: first(n),
  facts: told ? [`a fact of ${name}`] : [],
  warnings: [],
  problem: "",
});
const scene = (index: number, told: boolean) => ({
  index,
  name: `picture ${index}`,
  picture,
  tokens: [],
  predictions: [
    { index: 0, name: "cat", probability: 0.9, logit: 3 },
    { index: 1, name: "dog", probability: 0.1, logit: 1 },
  ],
  truth: "cat",
  masks: told ? [{ name: "object", mask: { ...array([]), ...maskOf(2) } }] : [],
  note: "",
});
function maskOf(n: number) {
  const data = new Uint8Array(16).map((_, i) => +(i < n));
  return { data: new DataView(data.buffer), dtype: "uint8" as const };
}
const truth = (name: string) => ({ name, region: "object", share: 1, iou: 1, hit: 1, area: 0.125 });

/** A page of a lesson on `count` pictures, as Python writes it. */
function page(kind: "predict" | "blind", count = 2) {
  const names = ["Saliency", "Random map"];
  const target = { label: "cat", indices: [0] };
  const blind = kind === "blind";
  const sheet = (input: number, told: boolean) =>
    told || blind
      ? { input, maps: names.map((name, i) => card(name, blind ? "AB"[i] : "", 2 + 6 * i, told)) }
      : {};
  const library: Record<string, Record<string, unknown>> = {};
  for (let i = 0; i < count; i++) {
    library[`picture ${i}`] = { scene: scene(i, false), target, sheet: sheet(i, false) };
    library[`told ${i}`] = {
      scene: scene(i, true),
      target,
      sheet: sheet(i, true),
      overlaps: { [i]: names.map(truth) },
      ...(blind ? { names: { [i]: names }, verdicts: { [i]: {} } } : {}),
    };
  }
  const state: Record<string, unknown> = {
    _kind: kind,
    about: {
      version: "0",
      title: "a network",
      live: false,
      methods: blind ? [] : names,
      colour_maps: [{ name: "RdBu", diverging: true, data: grey(768) }],
      questions: [],
    },
    strip:
      count > 1
        ? Array.from({ length: count }, (_, i) => ({
            name: `picture ${i}`,
            thumb: picture,
            truth: "cat",
            predicted: "cat",
            right: true,
          }))
        : [],
    work: { status: "done", progress: 1, message: "" },
    revealed: [],
    overlaps: {},
    marks: {},
    ballots: {},
    names: {},
    verdicts: {},
    ...library["picture 0"],
    _code: `w = xw.${kind}(\n⟨answers⟩)⟨ending⟩`,
    ...(blind ? { _secret: true } : {}),
  };
  const model = createOfflineModel({ state, library });
  widget.render({ model, el });
  return model;
}

let seq = 0;
function tell(model: Model, name: string, args: object = {}): Promise<{ ok: boolean } & object> {
  return new Promise((settle) => {
    const mine = --seq;
    model.on("msg:custom", ((reply: { seq: number; ok: boolean }) => {
      if (reply.seq === mine) settle(reply);
    }) as never);
    model.send({ type: "command", seq: mine, name, args });
  });
}
const drawn = () => new Promise((settle) => setTimeout(settle));
const button = (words: string) =>
  [...el.querySelectorAll("button")].find(
    (one) => one.textContent?.includes(words) || one.title.includes(words),
  ) as HTMLButtonElement;
const titles = () => [...el.querySelectorAll(".xw-heading")].map((one) => one.textContent);

describe("a prediction on a page without a kernel", () => {
  it("shows no map before it is marked and revealed", async () => {
    const model = page("predict");
    expect(el.querySelectorAll(".xw-panel")).toHaveLength(0);
    expect(button("Reveal the maps").disabled).toBe(true);
    await tell(model, "set_mark", { index: 0, shapes: [[0, 0, 2, 1]] });
    await drawn();
    expect(button("Reveal the maps").disabled).toBe(false);
    expect(el.textContent).toContain("13 % of the picture is marked");
    button("Reveal the maps").click();
    await drawn();
    expect(titles()).toEqual(["Saliency", "Random map"]);
    const cells = [...el.querySelectorAll(".xw-lies td")].map((cell) => cell.textContent);
    expect(cells).toContain("100 % (13 %)");
    expect(el.textContent).toContain("your region and object: IoU 1.00");
  });

  it("refuses to reveal where nothing is marked, and to mark what is revealed", async () => {
    const model = page("predict");
    expect(await tell(model, "reveal", { index: 0, shapes: [] })).toMatchObject({
      ok: false,
      error: expect.stringContaining("Nothing is marked yet"),
    });
    await tell(model, "reveal", { index: 0, shapes: [[0, 0, 2, 1]] });
    const late = await tell(model, "set_mark", { index: 0, shapes: [[0, 0, 4, 4]] });
    expect(late).toMatchObject({ ok: false });
    expect(model.get("marks")).toEqual({ 0: [[0, 0, 2, 1]] });
  });

  it("sums the pictures up, and writes the answers as code", async () => {
    const model = page("predict");
    await tell(model, "reveal", { index: 0, shapes: [[0, 0, 2, 1]] });
    await tell(model, "select_input", { index: 1 });
    await drawn();
    expect(el.querySelectorAll(".xw-panel")).toHaveLength(0);
    await tell(model, "reveal", { index: 1, shapes: [[0, 1, 4, 2]] });
    await drawn();
    const rows = [...el.querySelectorAll(".xw-sums tbody tr")].map((row) => row.textContent);
    expect(rows[0]).toBe("Saliency50 %0.541 of 2");
    expect(rows[2]).toMatch(/^by chance19 %/);
    expect(await tell(model, "copy_python")).toMatchObject({
      value: "w = xw.predict(\n    marked={0: [[0, 0, 2, 1]], 1: [[0, 1, 4, 2]]},\n).reveal(0, 1)",
    });
  });

  it("writes a mark into the code that a hand has made just now", async () => {
    page("predict", 1);
    const stage = el.querySelector(".xw-scene .xw-stage") as HTMLElement;
    const press = (key: string) =>
      stage.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await drawn();
    for (const key of ["r", "ArrowRight", "r"]) press(key);
    const told: string[] = [];
    const clipboard = { writeText: async (text: string) => void told.push(text) };
    Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
    button("Copy as Python").click();
    await drawn();
    await drawn();
    expect(told).toEqual(["w = xw.predict(\n    marked=[[2, 2, 4, 3]],\n)"]);
  });

  it("means leave out maps without evidence", () => {
    const lie = { name: "a", region: "", share: null, iou: null, hit: null, area: 0.5 };
    const [row] = summed({ 0: [lie], 1: [{ ...lie, share: 0.4, iou: 0.2, hit: 1 }] });
    expect(row).toMatchObject({ pictures: 2, share: 0.4, iou: 0.2, hits: 1, area: 0.5 });
  });
});

describe("a blind comparison on a page without a kernel", () => {
  it("has no name anywhere on the page before the last vote", async () => {
    const model = page("blind");
    await drawn();
    const hidden = /saliency|random|fact|what /i;
    const spoken = () =>
      [...el.querySelectorAll("*")].flatMap((one) => [...one.attributes].map(({ value }) => value));
    expect(el.querySelectorAll(".xw-panel")).toHaveLength(2);
    const text = [...el.querySelectorAll(".xw-panel")].map((one) => one.textContent).join(" ");
    expect(text).not.toMatch(hidden);
    expect(spoken().join(" ")).not.toMatch(/saliency|random/i);
    button("Trust B most").click();
    await drawn();
    expect(el.textContent).toContain("Your order: B");
    button("Vote").form?.requestSubmit(button("Vote"));
    await drawn();
    await drawn();
    expect(model.get("ballots")).toEqual({ 0: { vote: "B", reason: "" } });
    expect(titles()).toEqual([]);
    expect((model.get("scene") as { index: number }).index).toBe(1);
    expect(await tell(model, "copy_python")).toMatchObject({ ok: false });
    await tell(model, "cast_vote", { index: 1, vote: "AB", reason: "sharp" });
    await drawn();
    expect(titles()).toEqual(["Saliency", "Random map"]);
    expect(el.textContent).toContain("You said: sharp");
    const rows = [...el.querySelectorAll(".xw-sums tbody tr")].map((row) => row.textContent);
    expect(rows).toEqual(["Random map1 of 21.5", "Saliency1 of 21.5"]);
    expect(await tell(model, "copy_python")).toMatchObject({
      value: 'w = xw.blind(\n    vote={0: "B", 1: "AB"},\n    reason={1: "sharp"},\n)',
    });
    expect(await tell(model, "cast_vote", { index: 0, vote: "A" })).toMatchObject({ ok: false });
  });

  it("takes letters from the keyboard, but not while somebody writes", async () => {
    page("blind", 1);
    await drawn();
    const press = (on: Element | null, key: string) =>
      on?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    press(el.querySelector(".xw-panel"), "b");
    press(el.querySelector(".xw-panel"), "a");
    press(el.querySelector("textarea"), "b");
    await drawn();
    expect(el.textContent).toContain("Your order: B, A");
    press(el.querySelector(".xw-panel"), "b");
    await drawn();
    expect(el.textContent).toContain("Your order: A");
  });
});
