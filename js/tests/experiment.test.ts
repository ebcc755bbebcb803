/** An experiment in the page: slider, switches, maps that come one by one, and a page without a kernel. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { blockMeans } from "../src/compare/values";
import widget from "../src/index";
import { createOfflineModel } from "../src/offline";
import type { Model } from "../src/requests";
import { DEFAULT_DISPLAY, DEFAULT_MASKING, type Experiment, type Mark } from "../src/wire";

const array = (values: number[], shape: number[], dtype = "float32") => ({
  data: new DataView(
    (dtype === "uint8" ? Uint8Array.from(values) : Float32Array.from(values)).buffer,
  ),
  dtype,
  shape,
  scale: 1,
});
const map = (value: number) => array(new Array(16).fill(value), [4, 4]);
const NAMES = ["fc", "conv2", "conv1"];
const CASCADE = ["fc", "conv2 + fc", "conv1 + conv2 + fc"];

function card(mode: "cascade" | "single" | "any"): Experiment {
  const names = mode === "any" ? [...NAMES].reverse() : NAMES;
  const keys = mode === "cascade" ? CASCADE : names;
  const knob = (name: string, choices: string[]) => ({
    name,
    kind: "choice" as const,
    default: choices[0],
    choices,
    help: name,
  });
  return {
    title: "Sanity",
    slider: "Forget",
    origin: "trained",
    hint: "drag, or switch a block off",
    steps: keys.map((key, i) => ({ key, label: names[i] })),
    beside: [{ key: "network: b", label: "b" }],
    switches: mode,
    names,
    joined: " + ",
    knobs: [
      knob("mode", ["top down", "any"]),
      knob("measure", ["spearman"]),
      knob("start", ["own"]),
    ],
    settings: { mode: "top down", measure: "spearman", start: "own" },
    usable: false,
    number: 0,
  };
}
const mark = (value: number, more: Partial<Mark> = {}): Mark => ({
  value,
  words: `It keeps ${value}.`,
  ...more,
});

function traits(mode: "cascade" | "single" | "any" = "cascade"): Record<string, unknown> {
  const panel = (id: string, slot: number, title: string) => ({
    ...{ id, slot, title, method: title, blurb: "", pinned: false, settings: {}, knobs: [] },
  });
  const answer = (value: number) => ({
    ...{ kind: "heatmap", request: 1, target: "cat", input: 0, map: map(value), low: 0, high: 1 },
    ...{ total: 1, seconds: 1, forwards: 1, backwards: 1, facts: [], warnings: [] },
  });
  const done = { status: "done", request: 1, progress: 1, message: "" };
  const trail = (film: number) => ({ film, request: 1, marks: {}, verdict: "" });
  return {
    _kind: "compare",
    about: {
      ...{ version: "0", title: "net", live: true, classes: ["cat"], methods: [], layers: [] },
      ...{
        fills: [],
        colour_maps: [
          { name: "RdBu_r", diverging: true, data: new DataView(new ArrayBuffer(768)) },
        ],
      },
    },
    strip: [],
    scene: {
      ...{ index: 0, name: "a", predictions: [], truth: null, masks: [], note: "" },
      picture: array(new Array(48).fill(9), [4, 4, 3], "uint8"),
    },
    target: { label: "cat", indices: [0] },
    panels: [panel("p0", 0, "Saliency"), panel("p1", 1, "Occlusion")],
    status: { p0: done, p1: done },
    slot_00: answer(0.5),
    slot_01: answer(0.25),
    region: {},
    display: { ...DEFAULT_DISPLAY },
    notice: {},
    experiment: card(mode),
    trails: { p0: trail(1), p1: trail(2) },
    walk: { status: "running", done: 2, total: 8, panel: "", key: "", progress: 0 },
  };
}

interface Sent {
  seq: number;
  name: string;
  args: Record<string, unknown>;
}
function host(state: Record<string, unknown>) {
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const sent: Sent[] = [];
  const emit = (event: string, ...args: unknown[]) => {
    for (const run of [...(listeners.get(event) ?? [])])
      (run as (...a: unknown[]) => void)(...args);
  };
  const model: Model = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      emit(`change:${name}`);
    },
    on: (event, run) => listeners.set(event, (listeners.get(event) ?? new Set()).add(run)),
    off: (event, run) => listeners.get(event)?.delete(run),
    send: (content) => sent.push(content as Sent),
  };
  const frame = (film: number, key: string, value: number): void => {
    const { data, ...head } = map(value);
    emit("msg:custom", { type: "frame", film, key, frame: { label: key, map: head } }, [data]);
  };
  const left = () => [...listeners.values()].reduce((n, set) => n + set.size, 0);
  return { model, sent, emit, frame, left };
}

let el: HTMLElement;
beforeEach(() => {
  vi.useFakeTimers();
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => {
  el.remove();
  vi.useRealTimers();
});

const button = (name: string): HTMLButtonElement =>
  [...el.querySelectorAll<HTMLButtonElement>(".xw-switches button")].find(
    (one) => one.textContent === name,
  ) as HTMLButtonElement;
const pressed = (): string[] =>
  [...el.querySelectorAll(".xw-switches [aria-pressed=true]")].map((one) => one.textContent ?? "");
const slider = (): HTMLInputElement => el.querySelector("input[aria-label=Forget]") as never;
const slide = (to: number): void => {
  slider().value = String(to);
  slider().dispatchEvent(new Event("input", { bubbles: true }));
};
const asked = (sent: Sent[]): unknown[] =>
  sent.filter(({ name }) => name === "show_step").map(({ args }) => args.key);
const captions = (): string[] =>
  [...el.querySelectorAll(".xw-step .xw-caption")].map((one) => one.textContent ?? "");

describe("an experiment", () => {
  it("shows the origin first and asks for the maps that there are", () => {
    const { model, sent } = host(traits());
    widget.render({ model, el });
    expect(sent.map(({ name }) => name)).toEqual(["send_frames"]);
    expect(pressed()).toEqual([]);
    expect(el.querySelector(".xw-empty")?.textContent).toBe("drag, or switch a block off");
    expect(el.textContent).toContain("2 of 8 maps");
  });

  it("switches a cascade off up to the switch, and on again from it", () => {
    const { model } = host(traits());
    widget.render({ model, el });
    button("conv2").click();
    expect(pressed()).toEqual(["fc", "conv2"]);
    expect(slider().value).toBe("2");
    button("fc").click();
    expect(pressed()).toEqual([]);
    button("b").click();
    expect(pressed()).toEqual(["b"]);
    button("b").click();
    expect(pressed()).toEqual([]);
  });

  it("switches one block at a time, or each for itself in the network's order", () => {
    const { model } = host(traits("single"));
    const close = widget.render({ model, el });
    button("conv2").click();
    button("conv1").click();
    expect(pressed()).toEqual(["conv1"]);
    close();
    const { model: free, sent } = host(traits("any"));
    widget.render({ model: free, el });
    expect(slider()).toBeNull();
    button("fc").click();
    vi.advanceTimersByTime(1000);
    button("conv1").click();
    expect(pressed()).toEqual(["conv1", "fc"]);
    expect(asked(sent)).toEqual(["fc", "conv1 + fc"]);
    button("fc").click();
    button("conv1").click();
    expect(pressed()).toEqual([]);
  });

  it("asks once for a step, and not at all for one whose maps are there", () => {
    const { model, sent, frame } = host(traits());
    widget.render({ model, el });
    for (const film of [1, 2]) frame(film, CASCADE[0], film);
    slide(1);
    vi.advanceTimersByTime(1000);
    expect(asked(sent)).toEqual([]);
    slide(2);
    vi.advanceTimersByTime(1000);
    expect(asked(sent)).toEqual([CASCADE[1]]);
    slide(1); // the step that is being made is abandoned
    vi.advanceTimersByTime(1000);
    expect(asked(sent)).toEqual([CASCADE[1], CASCADE[0]]);
  });

  it("sends the last of the steps that a hand passes quickly", () => {
    const { model, sent } = host(traits());
    widget.render({ model, el });
    for (const to of [1, 2, 3]) slide(to);
    vi.advanceTimersByTime(1000);
    expect(asked(sent)).toEqual([CASCADE[0], CASCADE[2]]);
  });

  it("redraws each panel when its own map is there", () => {
    const state = traits();
    const { model, frame } = host(state);
    widget.render({ model, el });
    slide(1);
    const stale = (): boolean[] =>
      [...el.querySelectorAll(".xw-step")].map((one) => one.classList.contains("xw-stale"));
    expect(stale()).toEqual([true, true]);
    frame(2, CASCADE[0], 7);
    expect(stale()).toEqual([true, false]);
    frame(1, CASCADE[0], 7);
    expect(stale()).toEqual([false, false]);
    model.set("trails", {
      p0: {
        film: 1,
        request: 1,
        marks: { [CASCADE[0]]: mark(0.5, { low: 0.4, high: 0.6 }) },
        verdict: "It is so.",
      },
      p1: { film: 2, request: 1, marks: { [CASCADE[0]]: mark(0.25) }, verdict: "" },
    });
    expect(captions()[0]).toContain("0.50 [0.40, 0.60]");
    expect(captions()[1]).toContain("0.25");
    expect(el.textContent).toContain("It is so.");
    vi.advanceTimersByTime(2000);
    expect(el.querySelector("[aria-live]")?.textContent).toContain("Saliency: It keeps 0.5.");
  });

  it("keeps the map before, and its words, for a moment, and only then says that it waits", () => {
    const state = traits();
    const { model, frame } = host(state);
    widget.render({ model, el });
    slide(1);
    for (const film of [1, 2]) frame(film, CASCADE[0], film);
    const marks = { [CASCADE[0]]: mark(0.5) };
    const trails = state.trails as Record<string, object>;
    model.set("trails", { ...trails, p0: { ...trails.p0, marks } });
    const looks = () => ({
      caption: captions()[0],
      words: el.querySelector(".xw-told")?.textContent,
      chosen: el.querySelector(".xw-frames [aria-selected=true]")?.textContent,
      left: el.querySelector(".xw-left b")?.textContent,
      soon: el.querySelectorAll(".xw-step.xw-soon").length,
      bars: el.querySelectorAll(".xw-step .xw-progress").length,
    });
    const before = looks();
    expect(before).toMatchObject({ words: "It keeps 0.5.", chosen: "fc", soon: 2, bars: 0 });
    slide(2);
    expect(el.querySelectorAll(".xw-step.xw-stale").length).toBe(2);
    vi.advanceTimersByTime(100);
    expect(looks()).toEqual(before);
    frame(1, CASCADE[1], 3);
    expect(captions()).toEqual(["conv2 + fc", "fc"]);
    vi.advanceTimersByTime(60);
    expect(captions()).toEqual(["conv2 + fc", "conv2"]);
    expect(looks()).toMatchObject({ words: "", chosen: "conv2 + fc", left: "…", soon: 1, bars: 1 });
    frame(2, CASCADE[1], 3);
    expect(looks()).toMatchObject({ soon: 2, bars: 0 });
  });

  it("says that a step was cancelled instead of waiting for it, and asks again", () => {
    const state = traits();
    const { model, frame, sent } = host(state);
    widget.render({ model, el });
    slide(1);
    frame(1, CASCADE[0], 7);
    vi.advanceTimersByTime(500);
    const stale = (): number => el.querySelectorAll(".xw-step.xw-stale").length;
    expect(stale()).toBe(1);
    model.set("walk", { ...(state.walk as object), status: "cancelled" });
    expect(stale()).toBe(0);
    expect(el.querySelectorAll(".xw-step .xw-progress").length).toBe(0);
    const failed = el.querySelectorAll<HTMLElement>(".xw-step .xw-failed");
    expect([...failed].map((one) => one.textContent)).toEqual(["Cancelled.Retry"]);
    failed[0].querySelector("button")?.click();
    expect(sent.at(-1)).toMatchObject({ name: "show_step", args: { key: CASCADE[0] } });
    model.set("walk", { ...(state.walk as object), status: "running" });
    expect(stale()).toBe(1);
    expect(el.querySelector(".xw-step .xw-failed")).toBeNull();
  });

  it("takes no map of an older answer, and lets go of films that no panel has", () => {
    const state = traits();
    const { model, frame } = host(state);
    widget.render({ model, el });
    slide(1);
    for (const film of [1, 2]) frame(film, CASCADE[0], film);
    const busy = (): number => el.querySelectorAll(".xw-step.xw-stale").length;
    expect(busy()).toBe(0);
    model.set("slot_00", { ...(state.slot_00 as object), request: 2 });
    expect(busy()).toBe(1);
    const trails = state.trails as Record<string, object>;
    model.set("trails", { ...trails, p0: { ...trails.p0, film: 3, request: 2 } });
    model.set("trails", { ...trails, p0: { ...trails.p0, film: 1, request: 2 } });
    expect(busy()).toBe(1);
  });

  it("keeps the sliders for drawing while pictures are masked: the maps beside them are drawn", () => {
    const masking_settings = { ...DEFAULT_MASKING, on: true };
    widget.render({ model: host({ ...traits(), masking_settings }).model, el });
    expect(el.querySelector(".xw-masking")).not.toBeNull();
    expect(el.querySelector(".xw-slides")).not.toBeNull();
    el.replaceChildren();
    widget.render({ model: host({ ...traits(), masking_settings, experiment: {} }).model, el });
    expect(el.querySelector(".xw-masking")).not.toBeNull();
    expect(el.querySelector(".xw-slides")).toBeNull();
  });

  it("says why a method has no map at a step", () => {
    const state = traits();
    const { model } = host(state);
    widget.render({ model, el });
    slide(1);
    const trails = state.trails as Record<string, object>;
    const marks = { [CASCADE[0]]: { value: null, words: "No gradient.", failed: true } };
    model.set("trails", { ...trails, p0: { ...trails.p0, marks } });
    expect(el.querySelector(".xw-step .xw-failed")?.textContent).toBe("No gradient.");
  });

  it("draws its settings from their declaration and sends what is chosen", () => {
    const { model, sent } = host(traits());
    widget.render({ model, el });
    const selects = (): number => el.querySelectorAll(".xw-walk > .xw-knob").length;
    expect(selects()).toBe(2);
    (el.querySelector("[title='More settings of the experiment']") as HTMLElement).click();
    expect(selects()).toBe(3);
    const choice = [...el.querySelectorAll<HTMLButtonElement>(".xw-walk .xw-segments button")];
    choice.find(({ textContent }) => textContent === "any")?.click();
    expect(sent.at(-1)).toMatchObject({
      name: "set_experiment",
      args: { knob: "mode", value: "any" },
    });
  });

  it("leaves no listener behind", () => {
    const { model, left } = host(traits());
    widget.render({ model, el })();
    expect(left()).toBe(0);
  });
});

describe("a page without a kernel", () => {
  function page(mode: "cascade" | "any") {
    const state = traits(mode);
    const keys = mode === "any" ? ["fc", "conv1"] : CASCADE.slice(0, 2);
    const film = Object.fromEntries(keys.map((key, i) => [key, { label: key, map: map(i + 1) }]));
    return createOfflineModel({
      state: {
        ...state,
        about: { ...(state.about as object), live: false },
        frames: { 1: film, 2: film },
        walk: { status: "done", done: 4, total: 4, panel: "", key: "", progress: 0 },
      },
    });
  }

  it("keeps what was made and disables the rest, saying why", () => {
    widget.render({ model: page("cascade"), el });
    expect(["fc", "conv2", "conv1", "b"].map((name) => button(name).disabled)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(button("conv1").title).toContain("run the notebook");
    button("conv2").click();
    expect(el.querySelectorAll(".xw-step.xw-stale").length).toBe(0);
    expect(captions()[0]).toContain("conv2 + fc");
  });

  it("closes switches that would lead to a set that was never seen", () => {
    widget.render({ model: page("any"), el });
    button("fc").click();
    expect(pressed()).toEqual(["fc"]);
    expect(button("conv1").disabled).toBe(true);
    expect(button("fc").disabled).toBe(false);
  });
});

describe("maps on one grid", () => {
  it("are means over whole blocks", () => {
    const values = Float32Array.from([1, 3, 5, 5, 1, 3, 5, 5]);
    const found = blockMeans(values, [2, 4], [1, 2]);
    expect([...new Float32Array(found.data.buffer)]).toEqual([2, 5]);
  });
});

describe("what the network says at a step", () => {
  const bars = (cat: number) => [
    { index: 0, name: "cat", probability: cat, logit: cat },
    { index: 1, name: "dog", probability: 1 - cat, logit: 1 - cat },
  ];
  const shares = (): string[] =>
    [...el.querySelectorAll(".xw-scene .xw-share")].map((one) => one.textContent ?? "");
  const state = (): Record<string, unknown> => {
    const found = traits();
    found.scene = { ...(found.scene as object), predictions: bars(0.9) };
    return found;
  };
  const network = (): string => el.querySelector(".xw-left li")?.textContent ?? "";
  const said = (host_: ReturnType<typeof host>, key: string, cat: number, number = 0): void =>
    host_.emit(
      "msg:custom",
      { type: "scene", number, input: 0, key, scene: { predictions: bars(cat) } },
      [],
    );

  it("stands in the place of what it says at the origin, and in the plot", () => {
    const here = host(state());
    widget.render({ model: here.model, el });
    expect(el.querySelector(".xw-sure")).toBeNull();
    said(here, CASCADE[0], 0.4);
    expect(shares()).toEqual(["90 %", "10 %"]);
    expect(network()).toBe("the network: cat 0.90");
    slide(1);
    expect(shares()).toEqual(["40 %", "60 %"]);
    expect(network()).toBe("the network: cat 0.90"); // the plot waits a moment for the maps
    vi.advanceTimersByTime(200);
    expect(network()).toBe("the network: cat 0.40");
    expect(el.querySelector(".xw-sure")?.getAttribute("d")).toBe("M0.00 10.00L33.33 60.00");
    slide(2);
    expect(shares()).toEqual(["90 %", "10 %"]); // not there yet
    expect(network()).toBe("the network: cat …");
  });

  it("tells right from wrong there, and names the step", () => {
    const found = state();
    found.scene = { ...(found.scene as object), truth: "cat" };
    const here = host(found);
    widget.render({ model: here.model, el });
    said(here, CASCADE[0], 0.4);
    expect(el.querySelector(".xw-truth")?.className).toContain("xw-right");
    slide(1);
    expect(el.querySelector(".xw-truth")?.className).toContain("xw-wrong");
    expect(el.querySelector(".xw-name")?.textContent).toBe("a · fc");
  });

  it("belongs to one series of steps: another experiment's is not shown", () => {
    const here = host(state());
    widget.render({ model: here.model, el });
    said(here, CASCADE[0], 0.4, 7);
    slide(1);
    expect(shares()).toEqual(["90 %", "10 %"]);
    here.model.set("experiment", { ...card("cascade"), number: 7 });
    expect(shares()).toEqual(["40 %", "60 %"]);
  });

  it("is no line for a contrast, nor where it answers once", () => {
    const found = state();
    const here = host(found);
    widget.render({ model: here.model, el });
    expect(el.querySelector(".xw-sure")).toBeNull();
    said(here, CASCADE[0], 0.4);
    expect(el.querySelector(".xw-sure")).not.toBeNull();
    here.model.set("target", { label: "cat − dog", indices: [0, 1] });
    expect(el.querySelector(".xw-sure")).toBeNull();
  });
});

describe("a sweep in one panel", () => {
  const knobs = [
    { name: "samples", kind: "integer", default: 8, low: 1, high: 99, unit: "copies", help: "" },
  ];
  const swept = (): Record<string, unknown> => {
    const found = traits();
    found.experiment = {};
    found.walk = {};
    found.trails = {};
    const [first, second] = found.panels as object[];
    found.panels = [{ ...first, knobs, settings: { samples: 8 } }, second];
    return found;
  };
  const open = (here: ReturnType<typeof host>, marks: Record<string, Mark> = {}): void => {
    const steps = ["4", "8", "16"].map((key) => ({ key, label: `${key} copies` }));
    const made = {
      ...card("single"),
      steps,
      beside: [],
      usable: true,
      settings: { measure: "ssim" },
    };
    const walk = { status: "running", done: 1, total: 3, panel: "", key: "", progress: 0 };
    here.model.set("trails", { p0: { film: 5, request: 1, marks, verdict: "" } });
    here.model.set("sweeps", { p0: { setting: "samples", card: made, walk } });
  };
  const strip = (): HTMLButtonElement[] => [
    ...el.querySelectorAll<HTMLButtonElement>(".xw-frames button"),
  ];
  const film = (): HTMLButtonElement => {
    (el.querySelector("[title=Settings]") as HTMLElement).click();
    return el.querySelector("[title^='Sweep samples']") as HTMLButtonElement;
  };

  it("is asked for beside the knob, by a button that stays pressed", () => {
    const here = host(swept());
    widget.render({ model: here.model, el });
    const turn = film();
    expect(turn.getAttribute("aria-pressed")).toBe("false");
    turn.click();
    expect(here.sent.at(-1)).toMatchObject({
      name: "sweep_knob",
      args: { panel: "p0", knob: "samples" },
    });
    open(here);
    expect(turn.getAttribute("aria-pressed")).toBe("true");
    expect(el.querySelectorAll(".xw-swept").length).toBe(1);
    expect(el.querySelector(".xw-swept")?.textContent).toContain("1 of 3 maps");
  });

  it("shows every value in short with its likeness, and asks for one that is not there", () => {
    const here = host(swept());
    widget.render({ model: here.model, el });
    open(here, { "4": mark(0.5) });
    here.frame(5, "4", 3);
    expect(strip().map((one) => one.textContent)).toEqual(["trained", "40.50", "8…", "16…"]);
    strip()[1].click();
    expect(here.sent.some(({ name }) => name === "show_step")).toBe(false);
    strip()[3].click();
    expect(here.sent.at(-1)).toMatchObject({ name: "show_step", args: { panel: "p0", key: "16" } });
  });

  it("says what there is to a chosen value, and gives it to the panel", () => {
    const here = host(swept());
    widget.render({ model: here.model, el });
    open(here, { "4": mark(0.5) });
    here.frame(5, "4", 3);
    const chosen = (): string[] =>
      strip()
        .filter((one) => one.getAttribute("aria-selected") === "true")
        .map((one) => one.textContent ?? "");
    expect(chosen()).toEqual(["trained"]);
    strip()[1].click();
    expect(chosen()).toEqual(["40.50"]);
    expect(el.querySelector(".xw-swept")?.textContent).toContain("It keeps 0.5.");
    const use = [...el.querySelectorAll<HTMLButtonElement>(".xw-swept .xw-button")];
    expect(use.map(({ textContent }) => textContent)).toEqual(["Use this"]);
    use[0].click();
    expect(here.sent.at(-1)).toMatchObject({ name: "use_step", args: { panel: "p0", key: "4" } });
    expect(chosen()).toEqual(["trained"]); // its own map again, until the new one is there
  });

  it("asks for its maps again in a view that comes later", () => {
    const state = swept();
    const here = host(state);
    open(here);
    widget.render({ model: here.model, el });
    expect(here.sent.map(({ name }) => name)).toEqual(["send_frames"]);
  });

  it("goes on after a stop when asked to", () => {
    const here = host(swept());
    widget.render({ model: here.model, el });
    open(here);
    expect(el.querySelector(".xw-swept .xw-button")).toBeNull();
    const sweeps = here.model.get("sweeps") as Record<string, { walk: object }>;
    const stopped = { ...sweeps.p0, walk: { ...sweeps.p0.walk, status: "stopped" } };
    here.model.set("sweeps", { p0: stopped });
    (el.querySelector(".xw-swept .xw-button") as HTMLElement).click();
    expect(here.sent.at(-1)?.name).toBe("fill_steps");
  });

  it("is not offered where all panels are followed, nor without a kernel", () => {
    const found = { ...swept(), experiment: card("cascade") };
    const close = widget.render({ model: host(found).model, el });
    expect(film()).toBeNull();
    close();
    const still = swept();
    still.about = { ...(still.about as object), live: false };
    widget.render({ model: createOfflineModel({ state: still }), el });
    expect(film()).toBeNull();
  });
});
