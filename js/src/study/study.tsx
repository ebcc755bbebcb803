/** A study with a person: one trial after the other, then what came of it. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Requests } from "../requests";
import { Button } from "../ui/parts";
import { Picture } from "../ui/picture";
import type { StudyCard, StudyRow } from "../wire";

export interface StudyStore extends Requests {
  card: ReadonlySignal<StudyCard>;
}

export function Study({ store }: { store: StudyStore }) {
  const { state, about, number, total, problem, results } = store.card.value;
  const trouble = problem || store.problems.value[""];
  return (
    <section class="xw-box xw-study" aria-label="Study">
      <header>
        <h2>{about}</h2>
        <span>{state === "over" ? `${total} answers` : `${number + 1} of ${total}`}</span>
      </header>
      <div
        class="xw-track"
        role="progressbar"
        aria-label="answered"
        aria-valuemax={total}
        aria-valuenow={number}
      >
        <i style={{ width: `${(100 * number) / total}%` }} />
      </div>
      {trouble && (
        <p class="xw-problem" role="alert">
          {trouble}
        </p>
      )}
      {state === "over" ? (
        <Results rows={results} />
      ) : state === "preparing" ? (
        <p role="status">{trouble ? "" : "The next question is being prepared …"}</p>
      ) : (
        <Question key={number} store={store} />
      )}
    </section>
  );
}

/** What is shown and asked; the time to the answer runs from the first painted frame. */
function Question({ store }: { store: StudyStore }) {
  const { state, number, question, choices, shown, told } = store.card.value;
  const chosen = useSignal("");
  const since = useRef(0);
  useEffect(() => {
    requestAnimationFrame((now) => {
      since.current = now;
    });
  }, []);
  const answer = (choice: string): void => {
    if (chosen.value || state !== "asking") return;
    chosen.value = choice;
    const seconds = (performance.now() - since.current) / 1000;
    void store.ask("answer_trial", { number, choice, seconds }).then(({ ok }) => {
      if (!ok) chosen.value = "";
    });
  };
  const press = (event: KeyboardEvent): void => {
    const choice = choices[Number(event.key) - 1];
    if (choice !== undefined) answer(choice);
  };
  return (
    <div class="xw-trial" onKeyDown={press}>
      <div class="xw-shown">
        {shown.map(({ caption, picture }) => (
          <figure key={caption}>
            <Picture array={picture} />
            <figcaption>{caption}</figcaption>
          </figure>
        ))}
      </div>
      <p role="status">{question}</p>
      <div class="xw-choices" role="group" aria-label={question}>
        {choices.map((choice, i) => (
          <button
            type="button"
            class="xw-button"
            key={choice}
            title={`key ${i + 1}`}
            aria-pressed={choice === chosen.value}
            disabled={!!chosen.value && choice !== chosen.value}
            onClick={() => answer(choice)}
          >
            {choice}
          </button>
        ))}
      </div>
      {state === "told" && (
        <p role="status">
          {told}{" "}
          <Button label="Next question" text="Next" onClick={() => void store.ask("next_trial")} />
        </p>
      )}
    </div>
  );
}

const percent = (share: number | null): string =>
  share === null ? "–" : `${Math.round(100 * share)} %`;

function Results({ rows }: { rows: StudyRow[] }) {
  return (
    <table>
      <thead>
        <tr>
          {["shown", "answers", "right", "95 % interval", "a guess", "median time"].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ method, answers, share, low, high, chance, seconds }) => (
          <tr key={method}>
            <th scope="row">{method}</th>
            <td>{answers}</td>
            <td>{percent(share)}</td>
            <td>{`${percent(low)} to ${percent(high)}`}</td>
            <td>{percent(chance)}</td>
            <td>{seconds === null ? "–" : `${seconds.toFixed(1)} s`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
