/** Deletion and insertion curves of all panels, linked to one another, to the panels and the slider. */

import { useSignal } from "@preact/signals";
import { percent } from "../numbers";
import type { Store } from "../store";
import { Button } from "../ui/parts";
import { colourOf, dashOf } from "../ui/series";
import type { MaskLine, PanelCard, Trace } from "../wire";
import { along } from "./masks";
import { scoreWords } from "./score";

type Kind = "deletion" | "insertion";
/** A curve of the plot: a panel's, or the control's. */
interface Series {
  id: string;
  title: string;
  colour: string;
  dash: string;
  line: MaskLine;
}

/** The colour that a panel has in the plot. */
export const Swatch = ({ slot }: { slot: number }) => mark(colourOf(slot), dashOf(slot));

/** A piece of a line, for legends. */
export const mark = (colour: string, dash: string) => (
  <i class={`xw-series ${dash === "none" ? "" : "xw-dashed"}`} style={colour} />
);

export function CurvesView({ store }: { store: Store }) {
  const { settings, curves, plotted } = store.masking;
  const found = curves.value;
  if (!settings.value.on || !plotted.value || !found) return null;
  const { live } = store.about.value;
  const card = (id: string): PanelCard | undefined =>
    store.panels.value.find((panel) => panel.id === id);
  const series: Series[] = [];
  for (const line of found.lines) {
    const panel = card(line.panel);
    if (!panel) continue;
    const { slot, title } = panel;
    series.push({ id: panel.id, title, colour: colourOf(slot), dash: dashOf(slot), line });
  }
  const { random } = found;
  if (random) {
    const title = `Random (${found.draws} orders)`;
    series.push({ id: "random", title, colour: "", dash: "2 3", line: random });
  }
  const running = found.status === "running";
  return (
    <section class="xw-curves" aria-label="Deletion and insertion curves">
      {series.length > 0 && (
        <div class="xw-plots">
          <Plot store={store} kind="deletion" series={series} />
          <Plot store={store} kind="insertion" series={series} />
          <Table store={store} series={series} />
        </div>
      )}
      {running ? (
        <div class="xw-drawing">
          <div class="xw-track" role="progressbar" aria-valuenow={Math.round(found.progress * 100)}>
            <i style={{ width: `${found.progress * 100}%` }} />
          </div>
          <span class="xw-muted">drawing curves, {percent(found.progress)}</span>
          <Button
            icon="close"
            label="Stop drawing"
            text="Cancel"
            onClick={() => store.ask("stop_curves", {}, "masking")}
          />
        </div>
      ) : (
        live &&
        (found.missing > 0 || !random) && (
          <div class="xw-drawing">
            <span class="xw-muted">
              {found.status === "error"
                ? found.message
                : found.status === "cancelled"
                  ? "Drawing was cancelled."
                  : `${found.missing || "The control"} of ${store.panels.value.length} panels not drawn for this input, target and filling.`}
            </span>
            <Button
              label="Draw the curves that are missing"
              text="Draw curves"
              class="xw-framed"
              onClick={() => store.ask("draw_curves", {}, "masking")}
            />
          </div>
        )
      )}
    </section>
  );
}

/** A line through points whose x is a share, in hundredths of the plot. */
export function path(x: number[], y: number[], place: (value: number) => number): string {
  return x
    .map((at, i) => `${i ? "L" : "M"}${(at * 100).toFixed(2)} ${place(y[i]).toFixed(2)}`)
    .join("");
}

function Plot({ store, kind, series }: { store: Store; kind: Kind; series: Series[] }) {
  const { curves, lit, settings, set } = store.masking;
  const at = useSignal(-1);
  const { x = [], unit } = curves.value ?? {};
  const traces = series.map(({ line }) => line[kind]);
  const every = traces.flatMap(({ y, low, high }) => [...y, ...(low ?? []), ...(high ?? [])]);
  const bottom = Math.min(0, ...every);
  const top = unit === "probability" ? 1 : Math.max(...every);
  const place = (value: number): number => 100 - ((value - bottom) / (top - bottom || 1)) * 100;
  const say = (value: number): string => scoreWords(unit ?? "", value);
  const { mode, share } = settings.value;
  const mine = (mode === "remove") === (kind === "deletion");
  const now = mode === "keep" ? 100 - share : share;
  const chosen = series.find(({ id }) => id === lit.value);
  const here = (event: PointerEvent): [number, number] => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const across = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return [across, ((event.clientY - box.top) / box.height) * 100];
  };
  /** Move the slider to a place of the plot. */
  const pick = (across: number): void => {
    const target = kind === "deletion" ? "remove" : mode === "keep" ? "keep" : "reveal";
    const wanted = Math.round(200 * across) / 2;
    set({ mode: target, share: target === "keep" ? 100 - wanted : wanted });
  };
  const words =
    chosen && at.value >= 0
      ? `${chosen.title}: ${say(along(x, chosen.line[kind].y, at.value))} at ${percent(at.value)}`
      : kind === "deletion"
        ? "lower is better"
        : "higher is better";
  const band = ({ low, high }: Trace): string =>
    low && high
      ? `${path(x, low, place)}${path([...x].reverse(), [...high].reverse(), place).replace("M", "L")}Z`
      : "";
  return (
    <figure class="xw-plot">
      <figcaption>
        <b>{kind === "deletion" ? "Deletion" : "Insertion"}</b>{" "}
        <span class="xw-muted">{words}</span>
      </figcaption>
      <div class="xw-axes">
        <div class="xw-ys" aria-hidden="true">
          <span>{say(top)}</span>
          <span>{say((top + bottom) / 2)}</span>
          <span>{say(bottom)}</span>
        </div>
        <div
          class="xw-area"
          onPointerMove={(event) => {
            const [across, down] = here(event);
            at.value = across;
            if (event.buttons & 1) pick(across);
            const far = series.map(({ line }) =>
              Math.abs(place(along(x, line[kind].y, across)) - down),
            );
            const best = far.indexOf(Math.min(...far));
            lit.value = far[best] < 12 ? series[best].id : "";
          }}
          onPointerLeave={() => {
            at.value = -1;
            lit.value = "";
          }}
          onPointerDown={(event) => pick(here(event)[0])}
        >
          <svg
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${kind} curves; the table has their areas`}
          >
            {series.map(
              ({ id, line }) =>
                line[kind].low && <path key={`${id} band`} class="xw-band" d={band(line[kind])} />,
            )}
            {series.map(({ id, colour, dash, line }) => (
              <path
                key={id}
                class={`xw-curve ${lit.value && lit.value !== id ? "xw-dim" : ""}`}
                style={`${colour};stroke-dasharray:${dash}`}
                d={path(x, line[kind].y, place)}
              />
            ))}
          </svg>
          {mine && <i class="xw-now" style={{ left: `${now}%` }} />}
        </div>
        <div class="xw-xs" aria-hidden="true">
          <span>0 %</span>
          <span>{kind === "deletion" ? "top share removed" : "top share shown"}</span>
          <span>100 %</span>
        </div>
      </div>
    </figure>
  );
}

function Table({ store, series }: { store: Store; series: Series[] }) {
  const { lit } = store.masking;
  const heads = [
    ["AUC", "area under the deletion curve: lower is better"],
    ["AOPC", "mean fall of the score while the top share is removed: higher is better"],
    ["AUC", "area under the insertion curve: higher is better"],
  ];
  return (
    <table class="xw-table">
      <thead>
        <tr>
          <th />
          <th colSpan={2}>deletion</th>
          <th>insertion</th>
        </tr>
        <tr>
          <th>panel</th>
          {heads.map(([name, help], i) => (
            <th key={i} title={help}>
              {name} {i === 1 || i === 2 ? "↑" : "↓"}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {series.map(({ id, title, colour, dash, line }) => (
          <tr
            key={id}
            tabIndex={0}
            class={lit.value === id ? "xw-lit" : ""}
            onPointerEnter={() => {
              lit.value = id;
            }}
            onPointerLeave={() => {
              lit.value = "";
            }}
            onFocusIn={() => {
              lit.value = id;
            }}
            onFocusOut={() => {
              lit.value = "";
            }}
          >
            <th>
              {mark(colour, dash)}
              <span>{title}</span>
            </th>
            {[line.deletion.auc, line.deletion.aopc, line.insertion.auc].map((value, i) => (
              <td key={i}>{value.toFixed(3).replace("-", "−")}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
