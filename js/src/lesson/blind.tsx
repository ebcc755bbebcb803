/** The widget `blind`: which map would you trust, not knowing which method made it? */

import type { Painter } from "../painter";
import { Badge } from "../trust/badges";
import { Button } from "../ui/parts";
import { DrawnBar, Frame, useLanding } from "./frame";
import { Input } from "./input";
import { MapPanel } from "./panel";
import { LETTERS, standings } from "./standings";
import type { BlindStore } from "./store";
import { SumsTable } from "./sums";

const KEYS = [
  ["A, B, C …", "trust that map next, or not at all"],
  ["Esc", "leave"],
] as const;

const PLACES = ["1st", "2nd", "3rd"];
const place = (i: number): string => PLACES[i] ?? `${i + 1}th`;

export function Blind({ store, painter }: { store: BlindStore; painter: Painter }) {
  const told = store.told.value;
  const main = useLanding(`${told} ${store.index.value}`);
  const maps = store.sheet.value?.maps ?? [];
  const cast = store.ballots.value;
  const press = (event: KeyboardEvent): void => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    if (target instanceof HTMLTextAreaElement || ctrlKey || metaKey || altKey || told) return;
    const letter = key.toUpperCase();
    const known = maps.some((map) => map.letter === letter && map.map);
    if (!known || !LETTERS.includes(letter)) return;
    event.preventDefault();
    choose(store, letter);
  };
  return (
    <Frame
      {...{ store, painter }}
      label="Blind comparison"
      asks={told ? "explaining" : "which map would you trust for"}
      keys={KEYS}
      done={(i) => Boolean(cast[i]?.vote)}
      onKeyDown={press}
    >
      <div class="xw-body">
        <aside class="xw-scene">
          <Input {...{ store, painter }} label="Picture: arrow keys move the crosshair" />
        </aside>
        <div class="xw-main" ref={main} tabIndex={-1}>
          <DrawnBar store={store} />
          {!told && <BallotBox store={store} />}
          {told && <Standings store={store} />}
          {told && store.ballot.value.reason && (
            <p class="xw-reason">
              You said: <q>{store.ballot.value.reason}</q>
            </p>
          )}
          <div class="xw-grid">
            {maps.map((map, i) => (
              <MapPanel key={map.letter} {...{ store, painter, place: i }}>
                <Rank store={store} letter={map.letter} there={Boolean(map.map)} />
                {told && <Verdicts store={store} name={map.name} />}
              </MapPanel>
            ))}
          </div>
        </div>
      </div>
    </Frame>
  );
}

function choose(store: BlindStore, letter: string): void {
  store.rank(letter);
  const { vote } = store.ballot.peek();
  const at = vote.indexOf(letter);
  store.spoken.value =
    at < 0 ? `${letter} is not in your order.` : `${letter} is your ${place(at)}.`;
}

/** The place that the reader gave a map. */
function Rank(props: { store: BlindStore; letter: string; there: boolean }) {
  const { store, letter, there } = props;
  const { vote } = store.ballot.value;
  const at = vote.indexOf(letter);
  if (store.told.value) {
    return <p class="xw-facts xw-strong">{at < 0 ? "not in your order" : `your ${place(at)}`}</p>;
  }
  const next = vote ? place(vote.length) : "most";
  const words = at < 0 ? `Trust ${letter} ${next}` : `${letter} is your ${place(at)}`;
  return (
    <div class="xw-rank">
      <Button
        icon={at < 0 ? "plus" : "check"}
        label={at < 0 ? "Put it next in your order" : "Take it out of your order"}
        text={words}
        class="xw-framed"
        pressed={at >= 0}
        disabled={!there}
        onClick={() => choose(store, letter)}
      />
    </div>
  );
}

/** The reader's order, why, and the button that ends it. */
function BallotBox({ store }: { store: BlindStore }) {
  const { vote, reason } = store.ballot.value;
  const count = store.strip.value.length;
  const cast = Object.values(store.ballots.value).filter((ballot) => ballot.vote).length;
  const problem = store.problems.value.vote;
  return (
    <form
      class="xw-ballot"
      aria-label="Vote"
      onSubmit={(event) => {
        event.preventDefault();
        void store.cast();
      }}
    >
      <p role="status">
        {vote ? (
          <>
            Your order: <b>{[...vote].join(", ")}</b>
          </>
        ) : (
          "Press the map that you trust most, then, if you like, the next ones. Names are told once you have voted."
        )}
      </p>
      <textarea
        class="xw-search xw-why"
        rows={1}
        aria-label="Why"
        placeholder="Why? In your own words"
        value={reason}
        onInput={(event) => store.write({ reason: event.currentTarget.value })}
      />
      <button type="submit" class="xw-button xw-framed xw-done" disabled={!vote}>
        Vote
      </button>
      {count > 1 && cast > 0 && (
        <Button
          label="Tell the names now; pictures without a vote stay without one"
          text="Tell the names now"
          onClick={() => void store.ask("reveal", {}, "vote")}
        />
      )}
      {problem && (
        <p class="xw-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

/** Whether a map can be trusted, once that is known. */
function Verdicts({ store, name }: { store: BlindStore; name: string }) {
  const cards = store.verdicts.value[store.index.value]?.[name];
  const { questions, live } = store.about.value;
  if (!cards)
    return <p class="xw-muted xw-facts">{live && "being asked whether it can be trusted"}</p>;
  return (
    <div class="xw-badges" role="group" aria-label="Trust">
      {cards.map((card) => {
        const question = questions.find((one) => one.name === card.question);
        return question && <Badge key={card.question} card={card} question={question} />;
      })}
    </div>
  );
}

/** What came of every method, over the pictures that were voted on. */
function Standings({ store }: { store: BlindStore }) {
  const cast = Object.entries(store.ballots.value).filter(([, { vote }]) => vote);
  const votes = Object.fromEntries(cast.map(([index, { vote }]) => [index, vote]));
  const rows = standings(store.names.value, votes);
  if (!rows.length) return null;
  return (
    <SumsTable
      caption={`${cast.length === 1 ? "Your vote" : `Your votes on ${cast.length} pictures`}, the most trusted first`}
      heads={["method", "trusted first", "mean place"]}
    >
      {rows.map(({ name, first, place: mean }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>
            {first} of {cast.length}
          </td>
          <td>{mean.toFixed(1)}</td>
        </tr>
      ))}
    </SumsTable>
  );
}
