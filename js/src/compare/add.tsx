/** The catalogue: every method, by family, found by a few letters. */

import { useSignal } from "@preact/signals";
import type { Store } from "../store";
import { Icon, Popover } from "../ui/parts";
import type { MethodCard } from "../wire";

/** Methods that match every word typed, by family in the order of the catalogue. */
export function found(methods: MethodCard[], typed: string): Map<string, MethodCard[]> {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const families = new Map<string, MethodCard[]>();
  for (const method of methods) {
    const text = `${method.title} ${method.name} ${method.family} ${method.blurb}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    families.set(method.family, [...(families.get(method.family) ?? []), method]);
  }
  return families;
}

export function AddMethod({ store }: { store: Store }) {
  return (
    <div class="xw-add">
      <Popover
        label="Add a method"
        text={
          <>
            <Icon name="plus" /> Add a method
          </>
        }
      >
        {(close) => <Catalogue store={store} close={close} />}
      </Popover>
    </div>
  );
}

function Catalogue({ store, close }: { store: Store; close(): void }) {
  const typed = useSignal("");
  const families = found(store.about.value.methods, typed.value);
  const add = (method: string): void => {
    void store.ask("add_panel", { method });
    close();
  };
  const first = [...families.values()][0]?.[0];
  return (
    <div
      class="xw-catalogue"
      onKeyDown={(event) => {
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const all = [...event.currentTarget.querySelectorAll<HTMLElement>("input,button")];
        const at = all.findIndex((element) => element.matches(":focus"));
        all[Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
      }}
    >
      <input
        type="search"
        class="xw-search"
        placeholder="Search methods"
        aria-label="Search methods"
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && first) add(first.name);
        }}
      />
      <div class="xw-menu">
        {[...families].map(([family, methods]) => (
          <section key={family} aria-label={family}>
            <h4 class="xw-family">{family}</h4>
            {methods.map(({ name, title, blurb }) => (
              <button type="button" class="xw-method" key={name} onClick={() => add(name)}>
                <b>{title}</b>
                <span>{blurb}</span>
              </button>
            ))}
          </section>
        ))}
        {!first && <p class="xw-muted">No method matches “{typed}”.</p>}
      </div>
    </div>
  );
}
