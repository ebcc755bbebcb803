/** A button for the code of what is on screen. */

import { useSignal } from "@preact/signals";
import type { Requests } from "../requests";
import { Button, Popover } from "./parts";

/** Copies the code that makes the widget again; where there is no clipboard it is shown, selected. */
export function CopyPython({ store }: { store: Requests }) {
  const done = useSignal(false);
  const code = useSignal("");
  const copy = async (): Promise<void> => {
    const reply = await store.ask("copy_python");
    if (!reply.ok) return;
    const text = String(reply.value);
    try {
      await navigator.clipboard.writeText(text);
      done.value = true;
      setTimeout(() => {
        done.value = false;
      }, 1500);
    } catch {
      code.value = text; // no clipboard here: show the code, selected
    }
  };
  return (
    <>
      <Button
        icon={done.value ? "check" : "copy"}
        label="Copy the code for what is on screen"
        text={done.value ? "Copied" : "Copy as Python"}
        onClick={() => void copy()}
      />
      <Popover
        label="Code for what is on screen"
        open={Boolean(code.value)}
        onClose={() => {
          code.value = "";
        }}
      >
        {() => (
          <textarea
            class="xw-code"
            aria-label="Code"
            readOnly
            rows={12}
            value={code.value}
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
      </Popover>
    </>
  );
}
