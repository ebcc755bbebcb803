/** Badges on panels: which are shown, how they are read out, and how they sort. */

import { describe, expect, it } from "vitest";
import widget from "../src/index";
import { createOfflineModel } from "../src/offline";
import type { Model } from "../src/requests";
import { ranked } from "../src/trust/state";
import type { BadgeCard, BadgeState } from "../src/wire";
import { el, page } from "./page";

const QUESTIONS = [
  { name: "sanity", word: "Sane", title: "Sanity", asks: "Does it change?" },
  { name: "stability", word: "Stable", title: "Stability", asks: "Does it stay?" },
];
const badge = (question: string, state: BadgeState, rank: number | null): BadgeCard => ({
  question,
  state,
  rank,
  sentence: `It is ${state}.`,
  beside: [["this map", "0.50"]],
  limits: "Good up to 0.3.",
  picture: {
    kind: "lines",
    x: [0, 0.5, 1],
    lines: [{ name: "this map", y: [1, null, 0.5], low: [], high: [], control: false }],
    x_label: "share forgotten",
    y_label: "likeness",
    ends: ["trained", "all"],
    at: 0.5,
  },
});

/** Three panels whose sanity ranks are given; `requests` says of which answer the badges are. */
function traits(ranks: (number | null)[], requests = [1, 1, 1]): Record<string, unknown> {
  const done = { status: "done", request: 1, progress: 1, message: "" };
  return {
    ...page(
      ranks.map(() => ({})),
      { questions: QUESTIONS },
    ),
    status: Object.fromEntries(ranks.map((_, i) => [`p${i}`, done])),
    trust_settings: { on: true, sort: "" },
    ...Object.fromEntries(ranks.map((rank, i) => [`badges_0${i}`, sent(rank, requests[i])])),
  };
}
const usual = (rank: number | null): BadgeState => (rank === null ? "unknown" : "good");
const sent = (rank: number | null, request: number, state = usual(rank)) => ({
  request,
  badges: [badge("sanity", state, rank), badge("stability", "poor", 0)],
});

function shown(state: Record<string, unknown>): Model {
  const model = createOfflineModel({ state });
  widget.render({ model, el });
  return model;
}
const order = () => [...el.querySelectorAll(".xw-heading")].map((h) => h.textContent);
const words = () => [...el.querySelectorAll(".xw-badge")].map((b) => b.getAttribute("aria-label"));
const sorts = () =>
  [...el.querySelectorAll("select")].find((s) => s.textContent?.includes("as placed"));
function sort(by: string): void {
  const select = sorts() as HTMLSelectElement;
  select.value = by;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}
const settled = () => new Promise((done) => setTimeout(done, 0));

describe("ranking", () => {
  it("goes by verdict, then by number; the unknown are last, equal ones stay as placed", () => {
    const all: [BadgeState, number | null][] = [
      ["unknown", null],
      ["good", 0.1],
      ["poor", 0.3],
      ["good", 0.1],
      ["waiting", null],
      ["doubtful", -2],
      ["good", 5],
      ["poor", 0.4],
    ];
    const order = ranked(all, ([state, rank]) => badge("sanity", state, rank));
    expect(order.map((one) => all.indexOf(one))).toEqual([6, 1, 3, 5, 7, 2, 0, 4]);
    expect(ranked([1, 2], () => undefined)).toEqual([1, 2]);
  });
});

describe("badges", () => {
  it("say their question, verdict and sentence to those who cannot see the colour", () => {
    shown(traits([0.5]));
    expect(words()).toEqual(["Sanity: good. It is good.", "Stability: poor. It is poor."]);
    const [first] = el.querySelectorAll(".xw-badge");
    expect(first.textContent).toBe("Sane");
    expect(first.querySelector("svg")).not.toBeNull();
  });

  it("of an older map are not shown on a newer one", () => {
    const model = shown(traits([0.5], [0]));
    expect(words()).toEqual(["Sanity: waiting", "Stability: waiting"]);
    expect(el.textContent).not.toContain("It is good");
    model.set("badges_00", sent(0.5, 1));
    expect(words()[0]).toBe("Sanity: good. It is good.");
  });

  it("open their evidence: sentence, numbers, limits and picture", () => {
    shown(traits([0.5]));
    const layer = el.querySelector(".xw-badges .xw-popover") as HTMLElement;
    const event = new Event("toggle") as Event & { newState: string };
    event.newState = "open";
    layer.dispatchEvent(event);
    for (const said of ["Does it change?", "It is good.", "this map", "0.50", "Good up to 0.3."])
      expect(layer.textContent).toContain(said);
    const line = layer.querySelector(".xw-curve")?.getAttribute("d");
    expect(line).toBe("M0.00 0.00L100.00 50.00");
  });

  it("are gone when the switch is off, and the switch asks", async () => {
    const model = shown(traits([0.5]));
    const button = [...el.querySelectorAll("button")].find((b) => b.textContent === "Trust");
    button?.click();
    await settled();
    expect(el.querySelector(".xw-badge")).toBeNull();
    expect(model.get("trust_settings")).toEqual({ on: false, sort: "" });
    button?.click();
    await settled();
    expect(el.querySelectorAll(".xw-badge").length).toBe(2);
  });

  it("count what is open", () => {
    const state = traits([0.5, 0.1]);
    state.badges_01 = sent(0.1, 1, "checking");
    shown(state);
    expect(el.textContent).toContain("3 of 4 checked");
  });
});

describe("a pinned panel of an exported page", () => {
  it("keeps the badges of the answer that it holds when another input is chosen", async () => {
    const state = traits([0.5, 0.5]);
    const { slot_00, slot_01, badges_00, badges_01, scene } = state;
    const other = { ...(sent(0.1, 2) as object) };
    const library = {
      "0|0": { scene, slot_00, slot_01, badges_00, badges_01 },
      "1|0": {
        scene: { ...(scene as object), index: 1 },
        slot_00: { ...(slot_00 as object), input: 1, request: 2 },
        slot_01: { ...(slot_01 as object), input: 1, request: 2 },
        badges_00: other,
        badges_01: other,
      },
    };
    const model = createOfflineModel({ state, library });
    widget.render({ model, el });
    const ask = (seq: number, name: string, args: object) =>
      model.send({ type: "command", seq, name, args });
    ask(1, "pin_panel", { panel: "p0", pinned: true });
    ask(2, "select_input", { index: 1 });
    await settled();
    expect(model.get("badges_00")).toBe(badges_00);
    expect(model.get("badges_01")).toBe(other);
    expect(words().every((said) => !said?.includes("waiting"))).toBe(true);
  });
});

describe("sorting", () => {
  it("orders the panels on the page and tells Python only which order it is", async () => {
    const model = shown(traits([0.1, null, 0.9]));
    expect(order()).toEqual(["Panel 0", "Panel 1", "Panel 2"]);
    const first = el.querySelector(".xw-panel");
    sort("sanity");
    await settled();
    expect(order()).toEqual(["Panel 2", "Panel 0", "Panel 1"]);
    expect(el.querySelectorAll(".xw-panel")[1]).toBe(first);
    expect((model.get("panels") as { id: string }[]).map(({ id }) => id)).toEqual([
      "p0",
      "p1",
      "p2",
    ]);
    expect(model.get("trust_settings")).toEqual({ on: true, sort: "sanity" });
    sort("");
    await settled();
    expect(order()).toEqual(["Panel 0", "Panel 1", "Panel 2"]);
  });

  it("stands still while badges of that question are open, then moves once", async () => {
    const state = traits([0.1, 0.2, 0.9]);
    state.trust_settings = { on: true, sort: "sanity" };
    const model = shown(state);
    expect(order()).toEqual(["Panel 2", "Panel 1", "Panel 0"]);
    model.set("badges_00", sent(null, 1, "checking"));
    model.set("badges_01", { ...sent(null, 1), badges: [badge("sanity", "checking", null)] });
    model.set("badges_00", sent(3, 1));
    expect(order()).toEqual(["Panel 2", "Panel 1", "Panel 0"]);
    model.set("badges_01", sent(5, 1));
    expect(order()).toEqual(["Panel 1", "Panel 0", "Panel 2"]);
  });
});
