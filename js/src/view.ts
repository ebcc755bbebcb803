/**
 * The part of Preact that the views use, in a fifth of its size.
 *
 * The views are written, typed and tested against Preact, its hooks and @preact/signals; build.mjs puts
 * this file in their place, because those 8.2 KB of a ceiling of 22 KB for all widgets together buy
 * class components, contexts, hydration and much else that nothing here uses. tests/view.test.tsx runs
 * both and compares the pages they make.
 *
 * One rule is narrower than Preact's: a component is one node of the page, so that a list that it
 * returns is wrapped in an element without a box.
 */

import { effect, type ReadonlySignal, Signal, signal } from "@preact/signals-core";

export * from "@preact/signals-core";

type Props = Record<string, unknown> & { children?: unknown };
type Component = (props: Props) => unknown;

interface Tree {
  type: string | Component;
  props: Props;
  /** As written by the author; the slot among its siblings is worked out from it. */
  key: unknown;
  slot: string;
  node: Node;
  kids: Tree[];
  unit: Unit;
}

/** A component on the page. */
interface Unit {
  props: Props;
  tree?: Tree;
  turn: Signal<number>;
  hooks: unknown[];
  ends: (() => void)[];
  stop(): void;
}

const TEXT = "";
const SVG = "http://www.w3.org/2000/svg";
let rendering: Unit;
let nextHook = 0;

export const Fragment = ({ children }: Props): unknown => children;

export function jsx(type: Tree["type"], props: Props, key?: unknown): Tree {
  return { type, props, key } as Tree;
}
export const jsxs = jsx;
export const h = (type: Tree["type"], props: Props | null): Tree => jsx(type, props ?? {});

/** Children of every shape as one list; each has a slot that stays its own when others come and go. */
function flatten(child: unknown, slot: string, out: Tree[]): Tree[] {
  if (Array.isArray(child)) {
    child.forEach((one, i) => {
      flatten(one, `${slot}/${one?.key == null ? i : `key ${one.key}`}`, out);
    });
  } else if ((child as Tree)?.type === Fragment) {
    flatten((child as Tree).props.children, slot, out);
  } else if ((child as Tree)?.props) {
    out.push(Object.assign(child as Tree, { slot }));
  } else {
    const value = child instanceof Signal ? child.value : child;
    const text = value == null || typeof value === "boolean" ? "" : String(value);
    out.push({ type: TEXT, props: { text }, slot } as unknown as Tree);
  }
  return out;
}

const nodeOf = (tree: Tree): Node => (tree.unit ? nodeOf(tree.unit.tree as Tree) : tree.node);

function write(node: HTMLElement, name: string, value: unknown, old: unknown): void {
  if (value === old && name !== "value") return;
  if (name === "ref") {
    (value as { current: unknown }).current = node;
  } else if (name[0] === "o" && name[1] === "n") {
    const type = name.slice(2).toLowerCase();
    if (old) node.removeEventListener(type, old as EventListener);
    if (value) node.addEventListener(type, value as EventListener);
  } else if (name === "value") {
    const field = node as HTMLInputElement;
    if (field.value !== String(value)) field.value = String(value);
  } else if (name === "style" && typeof value === "object") {
    Object.assign(node.style, value);
  } else if (value == null || (value === false && name[4] !== "-")) {
    node.removeAttribute(name);
  } else {
    // Most switches are on by being there; aria-* and draggable want the word.
    const bare = value === true && name[4] !== "-" && name !== "draggable";
    node.setAttribute(name, bare ? "" : String(value));
  }
}

/** Put `tree` on the page in the place of `old`, which is of the same type, or anew. */
function settle(tree: Tree, old?: Tree): void {
  const { type, props } = tree;
  if (typeof type === "function") {
    tree.unit = old?.unit ?? begin(type, props);
    const { unit } = tree;
    const same = Object.keys({ ...props, ...unit.props }).every(
      (name) => props[name] === unit.props[name],
    );
    if (!same) {
      unit.props = props;
      unit.turn.value = unit.turn.peek() + 1;
    }
    return;
  }
  if (type === TEXT) {
    tree.node = old?.node ?? document.createTextNode("");
    if (props.text !== old?.props.text) (tree.node as Text).data = props.text as string;
    return;
  }
  const drawn = type === "svg" || type === "path";
  const node = (old?.node ??
    (drawn ? document.createElementNS(SVG, type) : document.createElement(type))) as HTMLElement;
  tree.node = node;
  const before: Props = old?.props ?? {};
  const names = Object.keys({ ...before, ...props }).filter((name) => name !== "children");
  for (const name of names) if (name !== "value") write(node, name, props[name], before[name]);
  tree.kids = arrange(node, flatten(props.children, "", []), old?.kids ?? []);
  // A select's value needs its options, a slider's its ends.
  if (names.includes("value")) write(node, "value", props.value, before.value);
}

/** Make the children of `parent` those of `next`, moving no node that may stay. */
function arrange(parent: Node, next: Tree[], old: Tree[]): Tree[] {
  const known = new Map(old.map((tree) => [tree.slot, tree]));
  for (const tree of next) {
    const was = known.get(tree.slot);
    const stays = was?.type === tree.type ? was : undefined;
    if (stays) known.delete(tree.slot);
    settle(tree, stays);
  }
  for (const gone of known.values()) {
    const node = nodeOf(gone);
    end(gone);
    parent.removeChild(node);
  }
  let at = next.length ? parent.firstChild : null;
  for (const tree of next) {
    const node = nodeOf(tree);
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  return next;
}

/** Start a component: it renders again when a signal that it has read changes. */
function begin(type: Component, props: Props): Unit {
  const unit: Unit = { props, turn: signal(0), hooks: [], ends: [], stop: () => {} };
  unit.stop = effect(() => {
    unit.turn.value;
    const [outer, outerHook] = [rendering, nextHook];
    rendering = unit;
    nextHook = 0;
    const list = flatten(type(unit.props), "", []);
    rendering = outer;
    nextHook = outerHook;
    const [first] = list;
    const children = list.map((tree) =>
      tree.type ? jsx(tree.type, tree.props, tree.slot) : tree.props.text,
    );
    const tree = list.length === 1 ? first : jsx("span", { style: "display:contents", children });
    const old = unit.tree;
    const stays = old?.type === tree.type ? old : undefined;
    settle(tree, stays);
    unit.tree = tree;
    if (old && !stays) {
      (nodeOf(old) as ChildNode).replaceWith(nodeOf(tree));
      end(old);
    }
  });
  return unit;
}

function end({ unit, kids = [] }: Tree): void {
  for (const kid of kids) end(kid);
  if (!unit) return;
  unit.stop();
  for (const run of unit.ends) run();
  unit.ends = [];
  unit.turn.value = -1;
  if (unit.tree) end(unit.tree);
}

export function render(tree: unknown, parent: Element): void {
  const home = parent as unknown as { xwTrees?: Tree[] };
  home.xwTrees = arrange(parent, tree ? flatten(tree, "", []) : [], home.xwTrees ?? []);
}

function hook<T>(make: () => T): T {
  const { hooks } = rendering;
  const i = nextHook++;
  if (i === hooks.length) hooks.push(make());
  return hooks[i] as T;
}

export const useRef = <T>(current: T): { current: T } => hook(() => ({ current }));
export const useSignal = <T>(value: T): Signal<T> => hook(() => signal(value));

const differ = (a: unknown[], b?: unknown[]): boolean => !b || a.some((x, i) => x !== b[i]);

export function useMemo<T>(make: () => T, inputs: unknown[]): T {
  const kept = hook<{ inputs?: unknown[]; value?: T }>(() => ({}));
  if (differ(inputs, kept.inputs)) Object.assign(kept, { inputs, value: make() });
  return kept.value as T;
}

/** Run once the page shows what was rendered; what `run` returns ends it. */
export function useEffect(run: () => unknown, inputs: unknown[]): void {
  const unit = rendering;
  const kept = hook<{ inputs?: unknown[]; undo?: unknown }>(() => {
    const fresh: { undo?: unknown } = {};
    unit.ends.push(() => typeof fresh.undo === "function" && fresh.undo());
    return fresh;
  });
  if (!differ(inputs, kept.inputs)) return;
  kept.inputs = inputs;
  queueMicrotask(() => {
    if (unit.turn.peek() < 0) return;
    if (typeof kept.undo === "function") kept.undo();
    kept.undo = run();
  });
}

export type { ReadonlySignal };
