/** A knob's control, chosen by the kind that its method declares. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { clamp } from "../geometry";
import { settle } from "../timing";
import { Button, Range, Segments } from "../ui/parts";
import type { KnobCard } from "../wire";

interface ControlProps {
  knob: KnobCard;
  value: unknown;
  layers: string[];
  disabled: boolean;
  /** `rest` is true when the hand may still be moving. */
  onChange(value: unknown, rest?: boolean): void;
}

/** Numbers: a slider where both ends are known, and a box to type in. */
function NumberControl({ knob, value, disabled, onChange }: ControlProps) {
  const { low = 0, high = 0, kind, log, name } = knob;
  // A number that is half typed outlives the redraws of a method that reports its progress.
  const typing = useSignal<string | null>(null);
  const number = typeof value === "number" ? value : Number.NaN;
  const whole = kind === "integer";
  const curved = log && low > 0;
  const toSlider = (x: number): number => (curved ? Math.log(x / low) / Math.log(high / low) : x);
  const fromSlider = (t: number): number => {
    const x = curved ? low * (high / low) ** t : t;
    return clamp(whole ? Math.round(x) : Number(x.toPrecision(curved ? 2 : 6)), low, high);
  };
  const step = knob.step ?? (whole ? 1 : (high - low) / 200);
  const bounded = knob.low !== undefined && knob.high !== undefined && high > low;
  return (
    <>
      {bounded && (
        <Range
          label={name}
          value={Number.isFinite(number) ? toSlider(number) : 0}
          low={curved ? 0 : low}
          high={curved ? 1 : high}
          step={curved ? 0.005 : step}
          text={`${value} ${knob.unit ?? ""}`}
          help={knob.help}
          disabled={disabled}
          onInput={(at) => onChange(fromSlider(at), true)}
        />
      )}
      <input
        type="number"
        class="xw-number"
        aria-label={`${name}, number`}
        title={knob.help}
        value={typing.value ?? (Number.isFinite(number) ? number : "")}
        min={knob.low}
        max={knob.high}
        step={whole ? 1 : "any"}
        disabled={disabled}
        onInput={(event) => {
          typing.value = event.currentTarget.value;
        }}
        onBlur={() => {
          typing.value = null;
        }}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          typing.value = null;
          if (Number.isFinite(typed)) onChange(whole ? Math.round(typed) : typed);
        }}
      />
    </>
  );
}

function Choice(props: ControlProps & { choices: string[]; depth?: boolean }) {
  const { knob, value, disabled, onChange, choices, depth } = props;
  const at = choices.indexOf(String(value));
  const known = at >= 0;
  const few = choices.length <= 3 && choices.join("").length <= 24 && known && !depth;
  if (few) {
    return (
      <Segments
        label={knob.name}
        value={String(value)}
        choices={choices.map((choice) => [choice, choice] as const)}
        disabled={disabled}
        onPick={(choice) => onChange(choice)}
      />
    );
  }
  return (
    <>
      {depth && choices.length > 2 && (
        <Range
          label={`${knob.name}, depth`}
          value={known ? at : choices.length - 1}
          low={0}
          high={choices.length - 1}
          step={1}
          text={String(value)}
          help={knob.help}
          disabled={disabled}
          onInput={(index) => onChange(choices[index], true)}
        />
      )}
      <select
        class="xw-select"
        aria-label={knob.name}
        title={knob.help}
        disabled={disabled}
        value={known ? String(value) : ""}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {!known && (
          <option value="">{value == null || value === "" ? "automatic" : String(value)}</option>
        )}
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </>
  );
}

function Control(props: ControlProps) {
  const { knob, value, layers } = props;
  const { kind } = knob;
  switch (kind) {
    case "integer":
    case "number":
      return <NumberControl {...props} />;
    case "choice":
      return <Choice {...props} choices={knob.choices ?? []} />;
    case "layer":
      return <Choice {...props} choices={knob.choices ?? layers} depth />;
    case "switch":
      return (
        <button
          type="button"
          class="xw-switch"
          role="switch"
          aria-checked={value === true}
          aria-label={knob.name}
          title={knob.help}
          disabled={props.disabled}
          onClick={() => props.onChange(value !== true)}
        />
      );
    default: {
      const never: never = kind;
      return never;
    }
  }
}

export function Knob(props: {
  knob: KnobCard;
  value: unknown;
  layers: string[];
  disabled: boolean;
  problem: string;
  closed: AbortSignal;
  /** Whether its values are shown as a strip, and what turns that; none where they cannot be. */
  swept?: boolean;
  onSweep?: (() => void) | undefined;
  onSend(value: unknown): Promise<{ ok: boolean }>;
}) {
  const { knob, value, problem } = props;
  // What the hand says holds until Python has answered the last of it.
  const ahead = useSignal<unknown>(undefined);
  const send = useMemo(() => {
    let asked = 0;
    const now = async (next: unknown, number = ++asked): Promise<void> => {
      await props.onSend(next);
      if (number === asked) ahead.value = undefined;
    };
    const soon = settle(
      80,
      250,
      props.closed,
      (next: unknown, n: number) => void now(next, n),
      true,
    );
    return { now, soon: (next: unknown) => soon(next, ++asked) };
  }, []);
  const change = (next: unknown, rest = false): void => {
    ahead.value = next;
    if (rest) send.soon(next);
    else void send.now(next);
  };
  const shown = ahead.value === undefined ? value : ahead.value;
  const moved = JSON.stringify(shown) !== JSON.stringify(knob.default);
  return (
    <div class={`xw-knob xw-knob-${knob.kind}`}>
      <span class="xw-label" title={knob.help}>
        {knob.name.replace(/_/g, " ")} {knob.unit && <i>{knob.unit}</i>}
        {props.onSweep && (
          <Button
            icon="strip"
            label={`Sweep ${knob.name.replace(/_/g, " ")}: a map for every value`}
            class="xw-tiny"
            pressed={props.swept ?? false}
            onClick={props.onSweep}
          />
        )}
        {moved && !props.disabled && (
          <Button
            icon="reset"
            label={`Back to ${String(knob.default ?? "automatic")}`}
            class="xw-tiny"
            onClick={() => change(knob.default)}
          />
        )}
      </span>
      <Control {...props} value={shown} onChange={change} />
      {problem && <p class="xw-problem">{problem}</p>}
    </div>
  );
}
