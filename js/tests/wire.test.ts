import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { found } from "../src/compare/add";
import { passing } from "../src/compare/strip";
import { createOfflineModel } from "../src/offline";
import { createRequests, type Model } from "../src/requests";
import { createStore } from "../src/store";
import { luminance, themeAt } from "../src/theme";
import { settle } from "../src/timing";
import { DEFAULT_DISPLAY, type MethodCard, type Reply, type StripItem } from "../src/wire";

/** A model that records what is sent and lets a test answer. */
function fakeModel(traits: Record<string, unknown> = {}) {
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const sent: { seq: number; name: string; args: Record<string, unknown> }[] = [];
  const emit = (event: string, ...args: unknown[]) => {
    for (const run of listeners.get(event) ?? []) (run as (...a: unknown[]) => void)(...args);
  };
  const model: Model = {
    get: (name) => traits[name],
    set: (name, value) => {
      traits[name] = value;
      emit(`change:${name}`);
    },
    on: (event, run) => listeners.set(event, (listeners.get(event) ?? new Set()).add(run)),
    off: (event, run) => listeners.get(event)?.delete(run),
    send: (content) => sent.push(content as never),
  };
  const reply = (seq: number, rest: Partial<Reply>) =>
    emit("msg:custom", { type: "reply", seq, ok: true, ...rest });
  const count = () => [...listeners.values()].reduce((n, set) => n + set.size, 0);
  return { model, sent, reply, emit, count };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("commands", () => {
  it("get the reply that repeats their number", async () => {
    const { model, sent, reply } = fakeModel();
    const { ask, problems } = createRequests(model, new AbortController().signal);
    const first = ask("cancel");
    const second = ask("retry", { panel: "p1" }, "p1");
    reply(sent[1].seq, { value: 2 });
    reply(sent[0].seq, { value: 1 });
    expect([(await first).value, (await second).value]).toEqual([1, 2]);
    expect(sent[1]).toMatchObject({ type: "command", name: "retry", args: { panel: "p1" } });
    expect(Object.values(problems.value).every((words) => words === "")).toBe(true);
  });

  it("say an error in words at their own place, until the next try works", async () => {
    const { model, sent, reply } = fakeModel();
    const { ask, problems } = createRequests(model, new AbortController().signal);
    void ask("set_knob", {}, "p1.steps");
    reply(sent[0].seq, { ok: false, error: "steps takes 2 to 256." });
    expect(problems.value["p1.steps"]).toBe("steps takes 2 to 256.");
    void ask("set_knob", {}, "p1.steps");
    reply(sent[1].seq, {});
    expect(problems.value["p1.steps"]).toBe("");
  });

  it("say that no answer came, and take a late one", async () => {
    const { model, sent, reply } = fakeModel();
    const { ask, problems } = createRequests(model, new AbortController().signal);
    const late = ask("set_target", { indices: [1] });
    vi.advanceTimersByTime(20000);
    expect(problems.value[""]).toBe("No answer from Python yet.");
    reply(sent[0].seq, { value: "here" });
    expect((await late).value).toBe("here");
    expect(problems.value[""]).toBe("");
  });

  it("do not let an old failure hide a newer success", () => {
    const { model, sent, reply } = fakeModel();
    const { ask, problems } = createRequests(model, new AbortController().signal);
    void ask("set_knob", {}, "k");
    void ask("set_knob", {}, "k");
    reply(sent[1].seq, {});
    reply(sent[0].seq, { ok: false, error: "superseded" });
    expect(problems.value.k ?? "").toBe("");
  });

  it("of two views of one model never share a number", () => {
    const { model, sent } = fakeModel();
    for (let i = 0; i < 20; i++)
      void createRequests(model, new AbortController().signal).ask("cancel");
    expect(new Set(sent.map(({ seq }) => seq)).size).toBe(20);
    expect(sent.every(({ seq }) => Number.isSafeInteger(seq))).toBe(true);
  });

  it("end with the view, and its listener with them", async () => {
    const { model, count } = fakeModel();
    const closing = new AbortController();
    const pending = createRequests(model, closing.signal).ask("cancel");
    closing.abort();
    expect((await pending).ok).toBe(false);
    expect(count()).toBe(0);
  });

  it("turn a connection that throws into words", async () => {
    const { model } = fakeModel();
    model.send = () => {
      throw new Error("comm closed");
    };
    const { ask, problems } = createRequests(model, new AbortController().signal);
    expect((await ask("cancel")).ok).toBe(false);
    expect(problems.value[""]).toContain("comm closed");
  });
});

describe("a hand that moves", () => {
  it("is waited for, but not longer than the most", () => {
    const calls: number[] = [];
    const soon = settle(80, 250, new AbortController().signal, (x: number) => calls.push(x));
    for (let t = 0; t < 300; t += 50) {
      soon(t);
      vi.advanceTimersByTime(50);
    }
    expect(calls).toEqual([200]);
    vi.advanceTimersByTime(80);
    expect(calls).toEqual([200, 250]);
  });

  it("runs the first at once when eager, then waits as ever", () => {
    const calls: number[] = [];
    const soon = settle(80, 250, new AbortController().signal, (x: number) => calls.push(x), true);
    soon(1);
    expect(calls).toEqual([1]);
    soon(2);
    soon(3);
    expect(calls).toEqual([1]);
    vi.advanceTimersByTime(80);
    expect(calls).toEqual([1, 3]);
    soon(4);
    expect(calls).toEqual([1, 3]);
    vi.advanceTimersByTime(80);
    expect(calls).toEqual([1, 3, 4]);
    vi.advanceTimersByTime(80);
    soon(5);
    expect(calls).toEqual([1, 3, 4, 5]);
  });
});

describe("the store", () => {
  const traits = () => ({
    display: { ...DEFAULT_DISPLAY },
    about: { colour_maps: [{ name: "RdBu", diverging: true, data: new Uint8Array(768) }] },
    scene: {},
    region: {},
    slot_03: {},
  });

  it("takes {} for nothing", () => {
    const store = createStore(fakeModel(traits()).model, new AbortController().signal);
    expect([store.scene.value, store.region.value, store.answers[3].value]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it("reports the display once it rests, and ignores an echo that is behind", () => {
    const { model, sent } = fakeModel(traits());
    const store = createStore(model, new AbortController().signal);
    store.show({ clip: 95 });
    store.show({ clip: 90 });
    model.set("display", { ...DEFAULT_DISPLAY, clip: 95 });
    expect(store.display.value.clip).toBe(90);
    vi.advanceTimersByTime(400);
    expect(sent.map(({ name }) => name)).toEqual(["set_display"]);
    expect(sent[0].args).toMatchObject({ display: { clip: 90 } });
    model.set("display", { ...DEFAULT_DISPLAY, clip: 70 });
    expect(store.display.value.clip).toBe(70);
  });

  it("leaves no listener behind", () => {
    const { model, count } = fakeModel(traits());
    const closing = new AbortController();
    createStore(model, closing.signal);
    expect(count()).toBeGreaterThan(24);
    closing.abort();
    expect(count()).toBe(0);
  });
});

describe("the theme", () => {
  it("reads colours as light or dark", () => {
    expect(luminance("rgb(255, 255, 255)")).toBeCloseTo(1);
    expect(luminance("rgb(17 17 17 / 1)")).toBeLessThan(0.1);
    expect(luminance("rgba(0, 0, 0, 0)")).toBeNull();
    expect(luminance("transparent")).toBeNull();
  });
  it("asks Jupyter first, then the nearest painted background", () => {
    const outer = document.createElement("div");
    outer.style.backgroundColor = "rgb(10, 10, 10)";
    const inner = outer.appendChild(document.createElement("div"));
    document.body.append(outer);
    expect(themeAt(inner)).toBe("dark");
    document.body.dataset.jpThemeLight = "true";
    expect(themeAt(inner)).toBe("light");
    document.body.dataset.jpThemeLight = "false";
    expect(themeAt(inner)).toBe("dark");
    delete document.body.dataset.jpThemeLight;
    document.body.dataset.vscodeThemeKind = "vscode-high-contrast-light";
    expect(themeAt(inner)).toBe("light");
    delete document.body.dataset.vscodeThemeKind;
  });
  it("looks out of a shadow root", () => {
    const host = document.createElement("div");
    host.style.backgroundColor = "rgb(250, 250, 250)";
    document.body.append(host);
    const inner = host.attachShadow({ mode: "open" }).appendChild(document.createElement("p"));
    expect(themeAt(inner)).toBe("light");
  });
});

describe("filters", () => {
  const item = (truth: string | null, predicted: string, right: boolean | null) =>
    ({ truth, predicted, right }) as StripItem;
  const strip = [
    item("cat", "cat", true),
    item("cat", "dog", false),
    item(null, "dog", null),
    item("dog", "dog", true),
  ];
  it("pass by verdict and by class, true or predicted", () => {
    expect(passing(strip, "all", "")).toEqual([0, 1, 2, 3]);
    expect(passing(strip, "right", "")).toEqual([0, 3]);
    expect(passing(strip, "wrong", "")).toEqual([1]);
    expect(passing(strip, "all", "cat")).toEqual([0, 1]);
    expect(passing(strip, "right", "dog")).toEqual([3]);
  });
  it("find methods by every word typed, in families", () => {
    const card = (title: string, family: string, blurb: string) =>
      ({ name: title, title, family, blurb }) as MethodCard;
    const methods = [
      card("Saliency", "Gradient", "plain"),
      card("Occlusion", "Perturbation", "cover patches"),
      card("SmoothGrad", "Gradient", "noisy copies"),
    ];
    expect([...found(methods, "").keys()]).toEqual(["Gradient", "Perturbation"]);
    expect(
      found(methods, "gradient NOISY")
        .get("Gradient")
        ?.map((m) => m.title),
    ).toEqual(["SmoothGrad"]);
    expect(found(methods, "nothing like it").size).toBe(0);
  });
});

describe("an exported page", () => {
  const panel = (id: string, slot: number) => ({ id, slot, pinned: false });
  const page = () => ({
    state: {
      scene: { index: 0 },
      target: { label: "cat", indices: [0] },
      panels: [panel("a", 0), panel("b", 1), panel("c", 2)],
      slot_00: { target: "cat" },
      slot_01: { target: "cat" },
      _code: "xw.compare(model)",
    } as Record<string, unknown>,
    library: {
      "0|1": {
        target: { label: "dog", indices: [1] },
        slot_00: { target: "dog" },
        slot_01: { target: "dog" },
      },
    } as Record<string, Record<string, unknown>>,
  });
  async function ask(model: Model, name: string, args: Record<string, unknown>): Promise<Reply> {
    const requests = createRequests(model, new AbortController().signal);
    return requests.ask(name as never, args);
  }
  const label = (model: Model, slot: string) => (model.get(slot) as { target: string }).target;

  it("shows what it holds, and what it opened with again", async () => {
    const model = createOfflineModel(page());
    expect((await ask(model, "set_target", { indices: [1] })).ok).toBe(true);
    expect(label(model, "slot_00")).toBe("dog");
    expect((await ask(model, "set_target", { indices: [0] })).ok).toBe(true);
    expect(label(model, "slot_00")).toBe("cat");
  });
  it("says in words what it does not hold", async () => {
    const model = createOfflineModel(page());
    const reply = await ask(model, "set_target", { indices: [4, 5] });
    expect(reply.error).toContain("holds no explanation of that class");
    expect((await ask(model, "retry", { panel: "a" })).error).toContain("no kernel");
  });
  it("moves, removes and holds panels by itself", async () => {
    const model = createOfflineModel(page());
    const ids = () => (model.get("panels") as { id: string }[]).map(({ id }) => id).join("");
    await ask(model, "move_panel", { panel: "a", to: 2 });
    expect(ids()).toBe("bca");
    await ask(model, "remove_panel", { panel: "c" });
    expect(ids()).toBe("ba");
    await ask(model, "pin_panel", { panel: "b", pinned: true });
    await ask(model, "set_target", { indices: [1] });
    expect([label(model, "slot_00"), label(model, "slot_01")]).toEqual(["dog", "cat"]);
    await ask(model, "pin_panel", { panel: "b", pinned: false });
    expect(label(model, "slot_01")).toBe("dog");
  });
  it("gives the code it was saved with", async () => {
    const reply = await ask(createOfflineModel(page()), "copy_python", {});
    expect(reply.value).toBe("xw.compare(model)");
  });
});
