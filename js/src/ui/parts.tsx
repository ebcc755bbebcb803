/** Small parts that several views share: icons, buttons, segments, sliders, popovers. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

const ICONS = {
  knobs: "M2 5h6m4 0h2M2 11h2m4 0h6M10 3v4M6 9v4",
  pin: "M8 10v4.5M5.5 2h5l-.8 4.5L12 10H4l2.3-3.5z",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  left: "M10 3 5 8l5 5",
  right: "m6 3 5 5-5 5",
  close: "m4 4 8 8m0-8-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  copy: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z",
  about: "M2.5 9.5c2-4 3.8-3 5.5-1.5s3.5 2.5 5.5-1.5",
  ask: "M5.2 5.8a2.8 2.8 0 1 1 4.3 2.4C8.4 8.9 8 9.3 8 10.3m0 2.9v.01",
  check: "m3 8.5 3.5 3.5 6.5-7.5",
  warn: "M8 2.5 14.5 13.5h-13zm0 4v3.2m0 1.8v.01",
  reset: "M3.2 6A5.2 5.2 0 1 1 3 9.5M3 2.5V6h3.5",
  down: "m4 6 4 4 4-4",
  strip: "M1.5 4.5h13v7h-13zM6 4.5v7m4-7v7",
} as const;

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="xw-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

interface ButtonProps {
  icon?: IconName;
  label: string;
  text?: ComponentChildren;
  pressed?: boolean | undefined;
  disabled?: boolean;
  class?: string;
  onClick(event: MouseEvent): void;
}

/** A button by icon, by text or by both; an icon alone is named by its label. */
export function Button({ icon, label, text, pressed, disabled, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      class={`xw-button ${text ? "" : "xw-bare"} ${rest.class ?? ""}`}
      aria-label={text ? undefined : label}
      title={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {text}
    </button>
  );
}

/** Why there is no picture, over the place where it would be. */
export function Missing(props: {
  words: string;
  class?: string;
  onRetry?: (() => void) | undefined;
}) {
  const { words, onRetry } = props;
  return (
    <div class={`xw-failed ${props.class ?? ""}`} role={onRetry && "alert"}>
      <p>{words}</p>
      {onRetry && <Button icon="reset" label="Retry" text="Retry" onClick={onRetry} />}
    </div>
  );
}

/** A few choices side by side, of which one holds. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  choices: readonly (readonly [T, string])[];
  disabled?: boolean;
  onPick(value: T): void;
}) {
  return (
    <fieldset class="xw-segments" aria-label={props.label} disabled={props.disabled}>
      {props.choices.map(([value, text]) => (
        <button
          type="button"
          key={value}
          aria-pressed={value === props.value}
          onClick={() => props.onPick(value)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}

interface RangeProps {
  value: number;
  low: number;
  high: number;
  step: number | "any";
  disabled?: boolean;
  label?: string;
  help?: string;
  text?: string;
  onInput(value: number): void;
}

/** The browser's own slider, filled up to its thumb. */
export function Range({ value, low, high, step, onInput, ...rest }: RangeProps) {
  const filled = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  return (
    <input
      type="range"
      class="xw-range"
      min={low}
      max={high}
      step={step}
      value={value}
      disabled={rest.disabled}
      aria-label={rest.label}
      title={rest.help}
      aria-valuetext={rest.text}
      style={`--xw-at:${filled}`}
      onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
    />
  );
}

/** A slider with its name and its number above. */
export function Slider(props: RangeProps & { label: string; text: string }) {
  return (
    <div class="xw-field" title={props.help}>
      <span class="xw-label" aria-hidden="true">
        {props.label} <b>{props.text}</b>
      </span>
      <Range {...props} />
    </div>
  );
}

/** A button that opens a layer above everything; Escape or a click elsewhere closes it. */
export function Popover(props: {
  label: string;
  icon?: IconName;
  text?: ComponentChildren;
  class?: string;
  /** Open by itself when this turns true. */
  open?: boolean;
  onClose?(): void;
  children(close: () => void): ComponentChildren;
}) {
  const anchor = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const open = useSignal(false);

  function place(): void {
    const box = layer.current;
    const from = anchor.current?.getBoundingClientRect();
    if (!box || !from) return;
    const { offsetWidth: width, offsetHeight: height } = box;
    const below = from.bottom + 4 + height <= innerHeight || from.top < height + 8;
    const most = innerWidth - 8 - width;
    const flipped = from.right - width < 8 ? most : from.right - width;
    const left = from.left > most ? flipped : from.left;
    const top = below ? Math.min(from.bottom + 4, innerHeight - height - 8) : from.top - height - 4;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${Math.max(8, top)}px`;
  }
  useEffect(() => {
    if (!open.value) return;
    place();
    layer.current?.querySelector<HTMLElement>("[autofocus],input,button,textarea")?.focus();
    const follow = new AbortController();
    const options = { signal: follow.signal, capture: true, passive: true };
    addEventListener("scroll", place, options);
    addEventListener("resize", place, options);
    const grown = new ResizeObserver(place);
    if (layer.current) grown.observe(layer.current);
    return () => {
      follow.abort();
      grown.disconnect();
    };
  }, [open.value]);
  useEffect(() => {
    // The browser then knows that a click on the button is not a click elsewhere.
    if (button.current) button.current.popoverTargetElement = layer.current;
  }, []);
  useEffect(() => {
    if (props.open) layer.current?.showPopover();
  }, [props.open]);

  const close = (): void => layer.current?.hidePopover();
  return (
    <span class="xw-anchor" ref={anchor}>
      {(props.icon || props.text) && (
        <button
          type="button"
          class={`xw-button ${props.text ? "" : "xw-bare"} ${props.class ?? ""}`}
          aria-label={props.label}
          title={props.label}
          aria-expanded={open.value}
          ref={button}
        >
          {props.icon && <Icon name={props.icon} />}
          {props.text}
        </button>
      )}
      <div
        class="xw-popover"
        popover="auto"
        role="dialog"
        aria-label={props.label}
        ref={layer}
        onToggle={(event) => {
          open.value = (event as ToggleEvent).newState === "open";
          if (!open.value) props.onClose?.();
        }}
      >
        {open.value && props.children(close)}
      </div>
    </span>
  );
}
