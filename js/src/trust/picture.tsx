/** The picture of a badge's evidence, by its kind: lines with a band, or bars. */

import { mark, path } from "../masking/curves";
import { digits, percent } from "../numbers";
import type { EvidenceBars, EvidenceLine, EvidenceLines } from "../wire";

/** Colour and dash of the map's own line, and of the controls after it. */
const STYLES = [
  ["--xw-series:var(--xw-accent)", "none"],
  ["--xw-series:var(--xw-c1)", "7 3"],
  ["", "2 3"],
] as const;

export function Picture({ picture }: { picture: EvidenceLines | EvidenceBars }) {
  switch (picture.kind) {
    case "lines":
      return <Lines picture={picture} />;
    case "bars":
      return <Bars picture={picture} />;
    default: {
      const never: never = picture;
      return never;
    }
  }
}

function Lines({ picture }: { picture: EvidenceLines }) {
  const { x, lines, at, ends } = picture;
  const every = lines
    .flatMap(({ y, low, high }) => [...y, ...low, ...high])
    .filter((v) => v !== null);
  const bottom = Math.min(0, ...every);
  const top = Math.max(...every, Math.max(...every) > 0.5 ? 1 : 0);
  const place = (value: number): number => ((top - value) / (top - bottom || 1)) * 100;
  const drawn = (y: (number | null)[]): string => {
    const known = x.map((_, i) => i).filter((i) => y[i] !== null);
    return path(
      known.map((i) => x[i]),
      known.map((i) => y[i] as number),
      place,
    );
  };
  const band = ({ low, high }: EvidenceLine): string =>
    `${drawn(low)}${path([...x].reverse(), [...high].reverse() as number[], place).replace("M", "L")}Z`;
  return (
    <figure class="xw-plot">
      <div class="xw-axes">
        <div class="xw-ys" aria-hidden="true">
          <span>{digits(top)}</span>
          <span>{digits(bottom)}</span>
        </div>
        <div class="xw-area">
          <svg
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${picture.y_label} over ${picture.x_label}; the list has the numbers`}
          >
            {lines.map(
              (line) =>
                line.low.length > 0 && <path key={line.name} class="xw-band" d={band(line)} />,
            )}
            {lines.map(({ name, y }, i) => (
              <path
                key={`${name}.`}
                class="xw-curve"
                style={`${STYLES[i % 3][0]};stroke-dasharray:${STYLES[i % 3][1]}`}
                d={drawn(y)}
              />
            ))}
          </svg>
          {at !== null && <i class="xw-now" style={{ left: `${at * 100}%` }} />}
        </div>
        <div class="xw-xs" aria-hidden="true">
          <span>{ends[0]}</span>
          <span>{picture.x_label}</span>
          <span>{ends[1]}</span>
        </div>
      </div>
      <figcaption>
        {picture.y_label}:{" "}
        {lines.map(({ name }, i) => (
          <span key={name}>
            {mark(STYLES[i % 3][0], STYLES[i % 3][1])}
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function Bars({ picture: { bars, label } }: { picture: EvidenceBars }) {
  const top = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="xw-rows" aria-label={label}>
      {bars.map(({ name, value, control }) => (
        <li key={name} class={control ? "xw-muted" : ""}>
          <span>{name}</span>
          <i style={`--xw-at:${value / top}`} />
          <b>{percent(value)}</b>
        </li>
      ))}
    </ul>
  );
}
