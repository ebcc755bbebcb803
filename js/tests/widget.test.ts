/** The whole widget in a page without layout: what it shows, what it asks, what it leaves behind. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/index";
import type { Model } from "../src/requests";
import { DEFAULT_DISPLAY } from "../src/wire";

const NASTY = "<img src=x onerror=alert(1)>";
const grey = (n: number) => new DataView(new Uint8Array(n).buffer);

function traits(): Record<string, unknown> {
  const picture = { data: grey(48), dtype: "uint8", shape: [4, 4, 3], scale: 1 };
  const map = {
    data: new DataView(Float32Array.from({ length: 16 }, (_, i) => i / 100).buffer),
    dtype: "float32",
    shape: [4, 4],
    scale: 1,
  };
  const panel = (id: string, slot: number, title: string) => ({
    id,
    slot,
    title,
    method: title,
    blurb: NASTY,
    pinned: false,
    settings: { steps: 32 },
    knobs: [{ name: "steps", kind: "integer", default: 32, low: 2, high: 256, help: NASTY }],
  });
  return {
    _kind: "compare",
    about: {
      version: "0",
      title: NASTY,
      live: true,
      classes: ["cat", NASTY],
      methods: [],
      layers: [],
      colour_maps: [{ name: "RdBu", diverging: true, data: grey(768) }],
    },
    strip: [],
    scene: {
      index: 0,
      name: NASTY,
      picture,
      predictions: [
        { index: 0, name: "cat", probability: 0.9, logit: 2 },
        { index: 1, name: NASTY, probability: 0.1, logit: 0 },
      ],
      truth: NASTY,
      masks: [],
      note: NASTY,
    },
    target: { label: NASTY, indices: [0] },
    panels: [panel("p0", 0, "Saliency"), panel("p1", 1, NASTY), panel("p2", 2, "Occlusion")],
    status: {
      p0: { status: "done", request: 1, progress: 1, message: "" },
      p1: { status: "error", request: 1, progress: 0, message: NASTY },
      p2: { status: "running", request: 2, progress: 0.4, message: "" },
    },
    slot_00: {
      kind: "heatmap",
      request: 1,
      target: NASTY,
      input: 0,
      map,
      low: 0,
      high: 0.15,
      total: 1,
      seconds: 0.42,
      forwards: 32,
      backwards: 32,
      facts: [NASTY],
      warnings: [NASTY],
    },
    region: {},
    display: { ...DEFAULT_DISPLAY },
    notice: { message: NASTY },
  };
}

interface Sent {
  seq: number;
  name: string;
  args: Record<string, unknown>;
}
function host() {
  const state = traits();
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
  const left = () => [...listeners.values()].reduce((n, set) => n + set.size, 0);
  return { model, sent, emit, left };
}

let el: HTMLElement;
beforeEach(() => {
  el = document.createElement("div");
  document.body.append(el);
});
afterEach(() => el.remove());

const button = (name: RegExp): HTMLButtonElement =>
  [...el.querySelectorAll("button")].find((one) =>
    name.test(`${one.title} ${one.textContent}`),
  ) as HTMLButtonElement;

describe("the widget", () => {
  it("shows names that look like HTML as text", () => {
    const { model } = host();
    widget.render({ model, el });
    expect(el.querySelector("img")).toBeNull();
    expect(el.textContent?.split(NASTY).length).toBeGreaterThan(8);
  });

  it("shows an error in its own panel and the others beside it", () => {
    const { model, sent } = host();
    widget.render({ model, el });
    const panels = el.querySelectorAll(".xw-panel");
    expect(panels.length).toBe(3);
    expect(panels[1].querySelector("[role=alert]")?.textContent).toContain(NASTY);
    expect(panels[0].querySelector("[role=alert]")).toBeNull();
    expect(panels[0].textContent).toContain("0.42 s · 32 fwd · 32 bwd");
    expect(panels[2].querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("40");
    button(/Retry/).click();
    expect(sent[0]).toMatchObject({ name: "retry", args: { panel: "p1" } });
  });

  it("asks for a class by a click, for a contrast by shift and by its button", () => {
    const { model, sent } = host();
    widget.render({ model, el });
    const bars = el.querySelectorAll<HTMLElement>(".xw-bar");
    expect(bars[0].getAttribute("aria-pressed")).toBe("true");
    bars[1].click();
    bars[1].dispatchEvent(new MouseEvent("click", { shiftKey: true, bubbles: true }));
    button(/^Subtract <img/).click();
    expect(sent.map(({ args }) => args.indices)).toEqual([[1], [0, 1], [0, 1]]);
  });

  it("marks a panel as stale while a newer request runs, and fresh when its answer is there", () => {
    const { model } = host();
    widget.render({ model, el });
    const status = model.get("status") as Record<string, object>;
    const first = el.querySelector(".xw-panel");
    model.set("status", {
      ...status,
      p0: { status: "running", request: 2, progress: 0, message: "" },
    });
    expect(first?.className).toContain("xw-stale");
    model.set("slot_00", { ...(model.get("slot_00") as object), request: 2 });
    model.set("status", {
      ...status,
      p0: { status: "done", request: 2, progress: 1, message: "" },
    });
    expect(first?.className).not.toContain("xw-stale");
    expect(el.querySelector(".xw-panel")).toBe(first);
  });

  it("sends a knob at once and again when the hand rests, and takes back what is refused", async () => {
    vi.useFakeTimers();
    const { model, sent, emit } = host();
    widget.render({ model, el });
    button(/^Settings/).click();
    const range = el.querySelector<HTMLInputElement>(".xw-knob input[type=range]");
    const box = () => el.querySelector<HTMLInputElement>(".xw-knob input[type=number]")?.value;
    if (!range) throw new Error("no slider");
    for (const value of ["40", "50", "60"]) {
      range.value = value;
      range.dispatchEvent(new Event("input", { bubbles: true }));
    }
    expect([box(), sent.length]).toEqual(["60", 1]);
    vi.advanceTimersByTime(100);
    expect(sent).toMatchObject([
      { name: "set_knob", args: { panel: "p0", knob: "steps", value: 40 } },
      { name: "set_knob", args: { panel: "p0", knob: "steps", value: 60 } },
    ]);
    emit("msg:custom", { type: "reply", seq: sent[0].seq, ok: true, value: null });
    await vi.advanceTimersByTimeAsync(1);
    expect(box()).toBe("60");
    emit("msg:custom", { type: "reply", seq: sent[1].seq, ok: false, error: "Too many." });
    await vi.advanceTimersByTimeAsync(1);
    expect(box()).toBe("32");
    expect(el.querySelector(".xw-knob .xw-problem")?.textContent).toBe("Too many.");
    vi.useRealTimers();
  });

  it("moves a panel that is dropped on another's place", () => {
    const { model, sent } = host();
    widget.render({ model, el });
    const [first, , third] = el.querySelectorAll<HTMLElement>(".xw-panel");
    const header = first.querySelector("header");
    expect(header?.getAttribute("draggable")).toBe("true");
    const fire = (on: Element | null, type: string) =>
      on?.dispatchEvent(new Event(type, { bubbles: true, cancelable: true }));
    fire(header, "dragstart");
    expect(fire(third, "dragover")).toBe(false);
    expect(fire(first, "dragover")).toBe(true);
    fire(third, "drop");
    expect(sent).toMatchObject([{ name: "move_panel", args: { panel: "p0", to: 2 } }]);
  });

  it("ends every way a host may end it, and can be shown again", () => {
    const { model, left } = host();
    const closing = new AbortController();
    widget.render({ model, el, signal: closing.signal });
    const again = widget.render({ model, el });
    expect(el.querySelectorAll(".xw-root").length).toBe(2);
    closing.abort();
    again();
    again();
    expect([el.childNodes.length, left()]).toEqual([0, 0]);
    widget.render({ model, el })();
    expect([el.childNodes.length, left()]).toEqual([0, 0]);
  });

  it("keeps its keys from the notebook, and leaves on Escape", () => {
    const { model } = host();
    widget.render({ model, el });
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard);
    const target = button(/Copy as Python/);
    target.focus();
    expect(target.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
    target.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
    expect(heard).not.toHaveBeenCalled();
    target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(document.activeElement).not.toBe(target);
  });

  it("reads values by keyboard and draws a region with r", async () => {
    const { model, sent } = host();
    widget.render({ model, el });
    await Promise.resolve();
    const stage = el.querySelectorAll<HTMLElement>(".xw-stage")[1];
    const press = (key: string) =>
      stage.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    press("ArrowRight");
    expect(el.querySelector("[aria-live]")?.textContent).toBe("x 2, y 2: 0.100");
    press("r");
    press("ArrowRight");
    press("ArrowDown");
    press("r");
    expect(sent.at(-1)).toMatchObject({
      name: "set_region",
      args: { region: { x0: 2, y0: 2, x1: 4, y1: 4 } },
    });
    expect(el.textContent).toContain("inside the region");
    press("Escape");
    expect(sent.at(-1)).toMatchObject({ name: "set_region", args: { region: null } });
  });

  it("says so when it does not know the kind of widget", () => {
    const { model } = host();
    model.set("_kind", "something new");
    widget.render({ model, el });
    expect(el.textContent).toContain("something new");
  });

  it("offers nothing that needs a kernel on an exported page", () => {
    const { model } = host();
    model.set("about", { ...(model.get("about") as object), live: false });
    widget.render({ model, el });
    expect(el.textContent).toContain("no kernel");
    expect(button(/Add a method/)).toBeUndefined();
    expect(button(/Retry/)).toBeUndefined();
  });
});
