/** Where the relevance of a panel went on its way down the network, and its map at any depth. */

import { computed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Legend } from "../compare/legend";
import { mountStage } from "../compare/stage";
import { readAt } from "../compare/values";
import type { Point } from "../geometry";
import { digits } from "../numbers";
import type { Painter, Sheet } from "../painter";
import type { Store } from "../store";
import { Button, Missing, Popover, Segments, Slider } from "../ui/parts";
import type { FlowRow, FlowWay, PanelCard, Array as WireArray } from "../wire";
import { depthsOf, lineOf, linesOf, type Taker, takenBy } from "./rows";

const TAKERS: Record<Taker, string> = {
  bias: "biases",
  stabiliser: "the stabiliser",
  lost: "dead ends",
  kept: "the rule",
};

interface Props {
  store: Store;
  painter: Painter;
  panel: PanelCard;
  /** The answer on screen, by its number. */
  request: number;
  picture(): WireArray | null;
}

export function FlowButton(props: Props) {
  const { store, panel, request } = props;
  const known = store.flows[panel.slot].value?.request === request;
  if (!store.about.value.live && !known) return null;
  return (
    <Popover label={`Flow of relevance in ${panel.title}`} text="Flow" class="xw-framed">
      {() => <FlowView {...props} />}
    </Popover>
  );
}

/** A flow is made when it is first looked at, and not for a reader who has left. */
function FlowView(props: Props) {
  const { store, panel, request } = props;
  const { live } = store.about.value;
  const place = `${panel.id}.flow`;
  const ask = (name: "show_flow" | "stop_flow"): void => {
    if (live) void store.ask(name, { panel: panel.id }, place);
  };
  const show = () => ask("show_flow");
  const stop = () => ask("stop_flow");
  useEffect(show, [request]);
  useEffect(() => stop, []);
  const card = store.flows[panel.slot].value;
  const status = card?.request === request ? card.status : "";
  const problem = store.problems.value[place];
  return (
    <section class="xw-flow" tabIndex={-1} autofocus>
      {problem || status === "error" || status === "cancelled" ? (
        <Missing words={problem || card?.message || ""} onRetry={live ? show : undefined} />
      ) : card && status === "done" ? (
        <Ways {...props} ways={card.ways} />
      ) : (
        <p class="xw-drawing" role="status">
          Following the relevance down the network …
          <Button class="xw-framed" label="Cancel" text="Cancel" onClick={stop} />
        </p>
      )}
    </section>
  );
}

function Ways({ ways, ...props }: Props & { ways: FlowWay[] }) {
  const which = useSignal("0");
  const at = useSignal(-1);
  const { rows, note } = ways[+which.value] ?? ways[0];
  const depths = depthsOf(rows);
  const row = rows[at.value] ? at.value : (depths[0] ?? 0);
  const { title, size, entered, map } = rows[row];
  const pick = (to: number): void => {
    at.value = to;
    props.store.spoken.value = rows[to].words;
  };
  return (
    <>
      <div class="xw-depth">
        {ways.length > 1 && (
          <Segments
            label="Way"
            value={which.value}
            choices={ways.map(({ way }, i) => [`${i}`, way])}
            onPick={(value) => {
              which.value = value;
            }}
          />
        )}
        {depths.length > 0 && (
          <>
            <Depth {...props} map={map ?? null} />
            <Slider
              label="Depth"
              text={title}
              low={0}
              high={depths.length - 1}
              step={1}
              value={depths.filter((i) => i <= row).length - 1}
              onInput={(value) => pick(depths[value])}
            />
          </>
        )}
        <p class="xw-facts">
          {size && `${size} · `}Σ <b>{digits(entered)}</b>
          {!map && " · no map here"}
        </p>
        <Balance rows={rows} />
        <p class="xw-facts">{note}</p>
      </div>
      <List {...{ rows, row, pick }} />
    </>
  );
}

/** The relevance at one depth over the picture, beside the picture. */
function Depth({ store, painter, picture, map }: Props & { map: WireArray | null }) {
  const shown = useSignal(map);
  shown.value = map;
  const limit = useSignal(0);
  const value = useMemo(
    () => computed(() => store.cross.value && shown.value && read(store.cross.value)),
    [],
  );
  const read = (at: Point): number | null => shown.value && readAt(store, shown.value, at);
  const words = (at: Point): string => (shown.value ? digits(read(at) as number) : "");
  const all = { store, painter, words };
  return (
    <>
      <div class="xw-pair">
        <Stage {...all} label="The input" sheet={{ array: () => null, picture }} />
        <Stage
          {...all}
          label="Relevance at this depth: arrow keys read values"
          sheet={{
            array: () => shown.value,
            picture,
            own: true,
            scaled: (to) => {
              limit.value = to;
            },
          }}
        />
      </div>
      <Legend {...{ store, limit, value }} sign={store.display.value.sign} />
    </>
  );
}

function Stage(props: {
  store: Store;
  painter: Painter;
  label: string;
  words(at: Point): string;
  sheet: Sheet;
}) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const closed = new AbortController();
    if (host.current) mountStage(host.current, props.store, props.painter, props, closed.signal);
    return () => closed.abort();
  }, []);
  return <div class="xw-stage" ref={host} />;
}

/** What began at the top, what came out below, and who took or gave the rest. */
function Balance({ rows }: { rows: FlowRow[] }) {
  const line = (kind: string, words: string, value: number) => (
    <>
      <dt>
        <i class={kind} /> {words}
      </dt>
      <dd>{digits(value)}</dd>
    </>
  );
  return (
    <dl class="xw-numbers" aria-label="Balance">
      {line("", "began at the output", rows[0].flowing)}
      {line("xw-is", "reached the input", rows[rows.length - 1].flowing)}
      {takenBy(rows).map(([take, value]) =>
        line(
          classOf(take, value),
          `${TAKERS[take]} ${value < 0 ? "gave" : "took"}`,
          Math.abs(value),
        ),
      )}
    </dl>
  );
}

const classOf = (take: Taker, value: number): string =>
  `xw-by-${take} ${value < 0 ? "xw-given" : ""}`;

/** Every operation from the output to the input, with what is still on its way below it. */
function List(props: { rows: FlowRow[]; row: number; pick(row: number): void }) {
  const { rows, row, pick } = props;
  const open = useSignal<readonly number[]>([]);
  const list = useRef<HTMLDivElement>(null);
  const lines = linesOf(rows, open.value);
  const chosen = lineOf(lines, row);
  useEffect(() => {
    const box = list.current;
    const line = box?.children[chosen] as HTMLElement | undefined;
    if (!box || !line) return;
    const { offsetTop: top, offsetHeight: height } = line;
    box.scrollTop = Math.max(top + height - box.clientHeight, Math.min(top, box.scrollTop));
  }, [chosen]);
  const unfold = (at: number, wanted: boolean): void => {
    open.value = [...open.value.filter((one) => one !== at), ...(wanted ? [at] : [])];
  };
  const levels = rows.map(({ flowing }) => flowing);
  const low = Math.min(0, ...levels);
  const span = Math.max(0, ...levels) - low || 1;
  const bar = (a: number, b: number): string =>
    `left:${((Math.min(a, b) - low) / span) * 100}%;width:${(Math.abs(a - b) / span) * 100}%`;
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const right = event.key === "ArrowRight";
    if (!by && !right && event.key !== "ArrowLeft") return;
    event.preventDefault();
    if (!by) {
      unfold(lines[chosen].first, right);
      return;
    }
    let to = chosen + by;
    while (lines[to] && lineOf(lines, lines[to].from) === chosen) to += by; // an open block's line
    if (lines[to]) pick(lines[to].from);
  };
  return (
    <div
      class="xw-lines"
      ref={list}
      role="tree"
      tabIndex={0}
      aria-label="Operations from the output to the input"
      onKeyDown={press}
    >
      {lines.map(({ from, to, first, block }, i) => {
        let end = rows[to].flowing;
        const unfolded = open.value.includes(from);
        return (
          <button
            type="button"
            role="treeitem"
            tabIndex={-1}
            key={`${from} ${block}`}
            class={block && "xw-block"}
            title={rows[from].words}
            aria-selected={i === chosen}
            aria-expanded={block ? unfolded : undefined}
            onClick={() => {
              pick(from);
              if (block) unfold(first, !unfolded);
            }}
          >
            <span>
              {block || rows[from].label}
              <small>{block ? `${to - from + 1} operations` : rows[from].what}</small>
            </span>
            <span class="xw-rail">
              <i class="xw-is" style={bar(0, end)} />
              <i class="xw-tick" style={bar(levels[0], levels[0])} />
              {takenBy(rows.slice(from, to + 1)).map(([take, value]) => {
                const start = end;
                end += value;
                return <i key={take} class={classOf(take, value)} style={bar(start, end)} />;
              })}
            </span>
            <b>{digits(rows[to].flowing)}</b>
          </button>
        );
      })}
    </div>
  );
}
