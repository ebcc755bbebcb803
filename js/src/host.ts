/**
 * The host of widgets in an exported page: models that live in the page.
 *
 * Before each `script.xw-state` stands the element of its widget, which names its bundle. Bytes are
 * {"__bytes__": "<base64>"}.
 */

import type { Widget } from "./mount";
import type { Model } from "./requests";
import type { Request } from "./wire";

export type Traits = Record<string, unknown>;

/** What a page holds of one widget: its traits, and more where its bundle keeps more. */
export interface Saved {
  state: Traits;
  library?: Record<string, Traits>;
}

/** Traits that tell who listens when they are written. */
export interface Host extends Pick<Model, "get" | "set" | "on" | "off"> {
  write(traits: Traits): void;
  emit(event: string, ...args: unknown[]): void;
}

export function createHost(state: Traits): Host {
  const listeners = new Map<string, Set<(...args: never[]) => void>>();
  const emit = (event: string, ...args: unknown[]): void => {
    for (const run of [...(listeners.get(event) ?? [])])
      (run as (...a: unknown[]) => void)(...args);
  };
  const write = (traits: Traits): void => {
    for (const [name, value] of Object.entries(traits)) {
      state[name] = value;
      emit(`change:${name}`);
    }
  };
  return {
    emit,
    write,
    get: (name) => state[name],
    set: (name, value) => write({ [name]: value }),
    on(event, callback) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
    },
    off(event, callback) {
      listeners.get(event)?.delete(callback);
    },
  };
}

/** A host as a model that answers commands: by what `obey` returns, or by its error's words. */
export function obeying(host: Host, obey: (request: Request) => unknown): Model {
  return {
    ...host,
    send(content) {
      const request = content as Request;
      const reply = (rest: object): void =>
        queueMicrotask(() => host.emit("msg:custom", { type: "reply", seq: request.seq, ...rest }));
      try {
        reply({ ok: true, value: obey(request) });
      } catch (error) {
        reply({ ok: false, error: (error as Error).message });
      }
    },
  };
}

function revive(_key: string, value: unknown): unknown {
  const base64 = (value as { __bytes__?: string } | null)?.__bytes__;
  if (typeof base64 !== "string") return value;
  return new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
}

/** Every widget of this bundle that the page holds is put in its place. */
export function start(bundle: string, widget: Widget, model: (saved: Saved) => Model): void {
  for (const script of document.querySelectorAll("script.xw-state")) {
    const el = script.previousElementSibling;
    if (!(el instanceof HTMLElement) || el.dataset.bundle !== bundle) continue;
    widget.render({ model: model(JSON.parse(script.textContent || "{}", revive)), el });
  }
}
