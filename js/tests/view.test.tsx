/** Our stand-in for Preact against Preact itself: the same trees, the same pages. */

import { describe, expect, it } from "vitest";
// @ts-expect-error: the path goes round the alias that stands in for it, and has no types
import * as real from "../node_modules/preact/dist/preact.mjs";
import * as ours from "../src/view";

type Made = unknown;
type Make = (type: string, props: Record<string, unknown>, children: Made[]) => Made;

let seed = 7;
const random = (n: number): number => {
  seed = (seed * 16807) % 2147483647;
  return seed % n;
};

/** A description of a page that either library can build. */
interface Plan {
  tag: string;
  props: Record<string, unknown>;
  kids: (Plan | string | null | false | Plan[])[];
}
function plan(depth: number): Plan {
  const kids: Plan["kids"] = [];
  for (let i = random(4); i > 0 && depth > 0; i--) {
    const kind = random(8);
    if (kind < 4) {
      const kid = plan(depth - 1);
      if (random(3) === 0) kid.props.key = i; // a number that is also the place of another
      kids.push(kid);
    } else if (kind === 4) kids.push(`text ${random(3)}`);
    else if (kind === 5) kids.push(null);
    else if (kind === 6) kids.push(false);
    else {
      const keys = [1, 2, 3, 4, 5].filter(() => random(2)).sort(() => random(3) - 1);
      kids.push(keys.map((key) => ({ ...plan(depth - 1), props: { key, title: `${key}` } })));
    }
  }
  const props: Record<string, unknown> = {};
  if (random(2)) props.class = `c${random(3)}`;
  if (random(3) === 0) props["aria-pressed"] = random(2) === 1;
  if (random(4) === 0) props.draggable = true;
  if (random(4) === 0) props.hidden = random(2) === 1;
  if (random(5) === 0) props["data-x"] = undefined;
  return { tag: ["div", "span", "p", "b"][random(4)], props, kids };
}
const build = (made: Plan, make: Make): Made =>
  make(
    made.tag,
    made.props,
    made.kids.map((kid) => {
      if (Array.isArray(kid)) return kid.map((one) => build(one, make));
      return kid && typeof kid === "object" ? build(kid, make) : kid;
    }) as Made[],
  );

const withReal: Make = (tag, props, kids) =>
  real.createElement(tag, props as never, ...(kids as never[]));
const withOurs: Make = (tag, { key, ...props }, kids) =>
  ours.jsx(tag, { ...props, children: kids }, key);

/** A page as text; the order of attributes does not count. */
function written(node: Node): string {
  if (!(node instanceof HTMLElement)) return node.textContent ?? "";
  const attributes = [...node.attributes].map(({ name, value }) => `${name}=${value}`).sort();
  return `<${node.localName} ${attributes}>${[...node.childNodes].map(written).join("")}</>`;
}

describe("the stand-in for Preact", () => {
  it("makes the same page through 400 random changes", () => {
    const [a, b] = [document.createElement("div"), document.createElement("div")];
    for (let i = 0; i < 400; i++) {
      const next = plan(4);
      real.render(build(next, withReal) as never, a);
      ours.render(build(next, withOurs), b);
      expect(written(b)).toBe(written(a));
    }
  });

  it("moves keyed nodes and keeps them the same nodes", () => {
    const root = document.createElement("ul");
    const list = (...keys: string[]) =>
      ours.jsx("ul", { children: keys.map((key) => ours.jsx("li", { children: key }, key)) });
    ours.render(list("a", "b", "c"), root);
    const [a, , c] = root.querySelectorAll("li");
    ours.render(list("c", "a", "d"), root);
    const after = root.querySelectorAll("li");
    expect([...after].map((li) => li.textContent)).toEqual(["c", "a", "d"]);
    expect([after[0], after[1]]).toEqual([c, a]);
  });

  it("does not touch a node that stays in its place when another leaves", () => {
    const root = document.createElement("div");
    const page = (shown: boolean) =>
      ours.jsx("div", { children: [shown && ours.jsx("i", {}), ours.jsx("input", {})] });
    ours.render(page(true), root);
    const input = root.querySelector("input");
    document.body.append(root);
    input?.focus();
    ours.render(page(false), root);
    expect(document.activeElement).toBe(input);
  });

  it("renders a component again when a signal changes, and no other", async () => {
    const [one, two] = [ours.signal(1), ours.signal(1)];
    const runs = { one: 0, two: 0 };
    function Part({ of, at }: { of: "one" | "two"; at: typeof one }) {
      runs[of]++;
      return ours.jsx("b", { children: at.value });
    }
    const part = Part as never;
    const root = document.createElement("div");
    const children = [
      ours.jsx(part, { of: "one", at: one }),
      ours.jsx(part, { of: "two", at: two }),
    ];
    ours.render(ours.jsx("div", { children }), root);
    one.value = 5;
    expect(root.textContent).toBe("51");
    expect(runs).toEqual({ one: 2, two: 1 });
  });

  it("changes a component's root, and ends what it replaces", async () => {
    const shown = ours.signal(true);
    const log: string[] = [];
    function Inner() {
      ours.useEffect(() => {
        log.push("begun");
        return () => log.push("ended");
      }, []);
      return ours.jsx("b", {});
    }
    const Outer = () => (shown.value ? ours.jsx(Inner as never, {}) : null);
    const root = document.createElement("div");
    ours.render(ours.jsx("p", { children: ours.jsx(Outer as never, {}) }), root);
    await Promise.resolve();
    expect([root.innerHTML, log]).toEqual(["<p><b></b></p>", ["begun"]]);
    shown.value = false;
    expect([root.innerHTML, log]).toEqual(["<p></p>", ["begun", "ended"]]);
    shown.value = true;
    await Promise.resolve();
    expect(root.innerHTML).toBe("<p><b></b></p>");
    ours.render(null, root);
    expect([root.innerHTML, log.length]).toEqual(["", 4]);
  });

  it("keeps state between renders and gives memos and effects their inputs", async () => {
    const n = ours.signal(0);
    const made: number[] = [];
    const seen: number[] = [];
    function Part() {
      const half = Math.floor(n.value / 2);
      const kept = ours.useRef({ count: 0 });
      kept.current.count++;
      ours.useMemo(() => made.push(half), [half]);
      ours.useEffect(() => void seen.push(half), [half]);
      return ours.jsx("b", { children: kept.current.count });
    }
    const root = document.createElement("div");
    ours.render(ours.jsx(Part as never, {}), root);
    for (n.value = 1; n.value < 3; n.value++) await Promise.resolve();
    expect(made).toEqual([0, 1]);
    await Promise.resolve();
    expect(seen).toEqual([0, 1]);
    expect(root.textContent).toBe("4");
  });

  it("does not run the effect of a component that has gone", async () => {
    let ran = false;
    const Part = () => {
      ours.useEffect(() => {
        ran = true;
      }, []);
      return ours.jsx("b", {});
    };
    const root = document.createElement("div");
    ours.render(ours.jsx(Part as never, {}), root);
    ours.render(null, root);
    await Promise.resolve();
    expect(ran).toBe(false);
  });

  it("wraps a list that a component returns", () => {
    const Pair = () => [ours.jsx("i", {}), "and"];
    const root = document.createElement("div");
    ours.render(ours.jsx(Pair as never, {}), root);
    expect(root.innerHTML).toBe('<span style="display:contents"><i></i>and</span>');
  });

  it("listens with the newest handler only", () => {
    const log: string[] = [];
    const root = document.createElement("div");
    for (const name of ["old", "new"]) {
      ours.render(ours.jsx("button", { onClick: () => log.push(name) }), root);
    }
    root.querySelector("button")?.click();
    expect(log).toEqual(["new"]);
  });
});
