/** What a lasso or a brush has gathered becomes a concept with a name. */

import { useSignal } from "@preact/signals";
import { Button, Slider } from "../ui/parts";
import type { ConceptsStore } from "./store";

export function MakeBar({ store }: { store: ConceptsStore }) {
  const tool = store.tool.value;
  const name = useSignal("");
  if (tool === "look") return null;
  const { fewest } = store.about.value;
  const chosen = [...store.chosen.value];
  const painted = Object.fromEntries(
    Object.entries(store.paint.value).filter(([, strokes]) => strokes.length),
  );
  const patches = Object.keys(painted).length;
  const ready = tool === "lasso" ? chosen.length >= fewest : patches > 0;
  const gathered = tool === "lasso" ? chosen.length > 0 : patches > 0;
  const here = store.scene.value?.index ?? 0;
  const clear = (): void => {
    if (tool === "lasso") store.chosen.value = new Set();
    else store.paint.value = {};
  };
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!ready || !name.value.trim()) return;
    const [command, of] =
      tool === "lasso"
        ? (["lasso_concept", { pictures: chosen }] as const)
        : (["brush_concept", { strokes: painted }] as const);
    const { ok } = await store.ask(command, { concept: name.value.trim(), ...of }, "make");
    if (!ok) return;
    name.value = "";
    clear();
    store.tool.value = "look";
  };
  const problem = store.problems.value.make;
  return (
    <form class="xw-make" aria-label="A new concept" onSubmit={make}>
      <p class={gathered ? "" : "xw-muted"} role="status">
        {tool === "lasso"
          ? chosen.length
            ? `${chosen.length} pictures chosen${chosen.length < fewest ? `; a concept takes ${fewest} and more` : ""}.`
            : `Draw around pictures that show the same thing, or click them: ${fewest} and more.`
          : patches
            ? `Painted in ${patches} ${patches === 1 ? "picture" : "pictures"}. Patches are laid into random pictures; several say more than one.`
            : "Paint the same thing in the large picture; click another picture to paint in it as well."}
      </p>
      {tool === "brush" && (
        <>
          <Slider
            label="Brush"
            low={1}
            high={Math.max(2, Math.round((store.scene.value?.picture.shape[1] ?? 30) / 3))}
            step={1}
            value={store.brush.value}
            text={`${store.brush.value} px`}
            onInput={(side) => {
              store.brush.value = side;
            }}
          />
          <Button
            icon="reset"
            label="Undo the last stroke"
            disabled={!store.paint.value[here]?.length}
            onClick={() => {
              const strokes = store.paint.peek()[here].slice(0, -1);
              store.paint.value = { ...store.paint.peek(), [here]: strokes };
            }}
          />
        </>
      )}
      <input
        class="xw-search xw-new-name"
        aria-label="Name of the new concept"
        placeholder="Name it"
        value={name.value}
        onInput={(event) => {
          name.value = event.currentTarget.value;
        }}
      />
      <button
        type="submit"
        class="xw-button xw-framed xw-done"
        disabled={!ready || !name.value.trim()}
        title="score this concept, for the passes of its own examples"
      >
        Make concept
      </button>
      <Button label="Clear" text="Clear" disabled={!gathered} onClick={clear} />
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
