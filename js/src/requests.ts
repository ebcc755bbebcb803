/** Commands to Python: each one ends with its reply, its error in words, or the view's end. */

import { type ReadonlySignal, signal } from "@preact/signals";
import type { Reply, Request } from "./wire";

/** What the view needs of an anywidget model. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown): void;
}

export interface Requests {
  /** Send a command. `place` is where its trouble is shown: "" for the whole widget, a panel's id … */
  ask(name: Request["name"], args?: Record<string, unknown>, place?: string): Promise<Reply>;
  /** What to say in each place. */
  problems: ReadonlySignal<Record<string, string>>;
  say(place: string, words: string): void;
  clear(place: string): void;
}

const LATE = 8000;

export function createRequests(model: Model, closed: AbortSignal): Requests {
  interface Waiting {
    place: string;
    timer: ReturnType<typeof setTimeout>;
    settle(reply: Reply): void;
  }
  const waiting = new Map<number, Waiting>();
  const newest = new Map<string, number>();
  const problems = signal<Record<string, string>>({});
  // Replies reach every view of a model: a random start keeps their numbers apart.
  let seq = Math.floor(Math.random() * 1e9) * 1000;

  function say(place: string, words: string): void {
    if ((problems.peek()[place] ?? "") !== words) {
      problems.value = { ...problems.peek(), [place]: words };
    }
  }

  function receive(message: Reply): void {
    const request = message?.type === "reply" ? waiting.get(message.seq) : undefined;
    if (!request) return;
    waiting.delete(message.seq);
    clearTimeout(request.timer);
    if (newest.get(request.place) === message.seq) {
      say(request.place, message.ok ? "" : (message.error ?? "Python gave no reason."));
    }
    request.settle(message);
  }

  model.on("msg:custom", receive);
  closed.addEventListener("abort", () => {
    model.off("msg:custom", receive);
    for (const [seq, { timer, settle }] of waiting) {
      clearTimeout(timer);
      settle({ type: "reply", seq, ok: false, error: "This view was closed." });
    }
    waiting.clear();
  });

  return {
    problems,
    say,
    clear: (place) => say(place, ""),
    ask(name, args = {}, place = "") {
      const request: Request = { type: "command", seq: ++seq, name, args };
      const { seq: mine } = request;
      newest.set(place, mine);
      return new Promise((settle) => {
        const timer = setTimeout(() => {
          if (newest.get(place) === mine) say(place, "No answer from Python yet.");
        }, LATE);
        waiting.set(mine, { place, timer, settle });
        try {
          model.send(request);
        } catch (error) {
          receive({ type: "reply", seq: mine, ok: false, error: String(error) });
        }
      });
    },
  };
}
