/** The badges of a panel: a word, a sign and a colour each; a press opens the evidence. */

import type { Store } from "../store";
import { Icon, type IconName, Popover } from "../ui/parts";
import type { BadgeCard, BadgeState, QuestionCard } from "../wire";
import { Picture } from "./picture";

const SIGNS: Record<BadgeState, IconName> = {
  good: "check",
  doubtful: "about",
  poor: "close",
  unknown: "ask",
  checking: "more",
  waiting: "more",
};
const WORDS: Partial<Record<BadgeState, string>> = { checking: "checking …", waiting: "waiting" };

export function BadgeRow({ store, slot }: { store: Store; slot: number }) {
  const { settings, badges } = store.trust;
  const found = badges[slot].value;
  if (!settings.value.on || !found) return null;
  // Badges of an older map are never shown on a newer one.
  const current = found.request === store.answers[slot].value?.request;
  return (
    <div class="xw-badges" role="group" aria-label="Trust">
      {found.badges.map((card) => {
        const question = store.about.value.questions.find(({ name }) => name === card.question);
        const shown = current ? card : { ...card, state: "waiting" as const, sentence: "" };
        return question && <Badge key={card.question} card={shown} question={question} />;
      })}
    </div>
  );
}

export function Badge({ card, question }: { card: BadgeCard; question: QuestionCard }) {
  const { state, sentence } = card;
  const verdict = `${question.title}: ${WORDS[state] ?? state}`;
  return (
    <Popover
      label={sentence ? `${verdict}. ${sentence}` : verdict}
      class={`xw-badge xw-${state}`}
      text={
        <>
          <Icon name={SIGNS[state]} />
          {question.word}
        </>
      }
    >
      {() => (
        <div class="xw-evidence" tabIndex={-1} autofocus>
          <p class={`xw-verdict xw-${state}`}>
            <Icon name={SIGNS[state]} />
            <b>{verdict}</b>
          </p>
          <p class="xw-muted">{question.asks}</p>
          {sentence && <p>{sentence}</p>}
          {card.picture && <Picture picture={card.picture} />}
          {card.beside.length > 0 && (
            <dl class="xw-numbers">
              {card.beside.map(([name, words]) => (
                <>
                  <dt>{name}</dt>
                  <dd>{words}</dd>
                </>
              ))}
            </dl>
          )}
          <p class="xw-muted">{card.limits} Limits are conventions: the number is what counts.</p>
        </div>
      )}
    </Popover>
  );
}
