/**
 * The host of exported lessons: it keeps answers, and tells what is held back when they are given.
 *
 * `library` holds for every picture the traits before ("picture 0") and after ("told 0") its maps are told.
 */

import { floats } from "./arrays";
import { createHost, obeying, type Saved, start, type Traits } from "./host";
import widget from "./lesson";
import { answers } from "./lesson/answers";
import { marked, type Shapes } from "./lesson/marks";
import { overlap } from "./lesson/overlap";
import type { Model } from "./requests";
import type {
  Ballot,
  LessonCommand,
  LessonSheet,
  OverlapCard,
  Request,
  Scene,
  StripItem,
} from "./wire";

/** Traits that hold one part for each picture. */
const BY_PICTURE = ["overlaps", "names", "verdicts"];
const KEPT = "The maps are revealed, so the answer stays. Reload the page to begin anew.";

/** A model that answers commands from what the page holds. */
export function createOfflineModel({ state, library = {} }: Saved): Model {
  const host = createHost(state);
  const { write } = host;
  const at = <T>(name: string): Record<string, T> => (state[name] ?? {}) as Record<string, T>;
  const revealed = (): number[] => state.revealed as number[];
  const shown = (): number => (state.scene as Scene).index;
  const blind = state._kind === "blind";
  const count = Math.max(1, (state.strip as StripItem[]).length);

  /** What changes with the picture on screen. */
  function turn(index: number): void {
    const traits = library[`${revealed().includes(index) ? "told" : "picture"} ${index}`];
    if (!traits) throw new Error("This page does not hold that. Run the notebook to get it.");
    const here = Object.entries(traits).filter(([name]) => !BY_PICTURE.includes(name));
    write(Object.fromEntries(here));
  }

  /** Nothing of these pictures is held back any more; `more` is told beside what the page holds. */
  function tell(pictures: number[], more: Traits = {}): void {
    const held = pictures.filter((index) => library[`told ${index}`]);
    for (const name of BY_PICTURE.filter((one) => one in state)) {
      const parts = held.map((index) => library[`told ${index}`][name] as Traits);
      write({ [name]: Object.assign({ ...at(name) }, ...parts, name in more ? more[name] : {}) });
    }
    write({ revealed: [...new Set([...revealed(), ...held])].sort((a, b) => a - b) });
    turn(shown());
  }

  function mark(index: number, shapes: Shapes): void {
    if (revealed().includes(index)) throw new Error(KEPT);
    write({ marks: { ...at("marks"), [index]: shapes } });
  }

  /** How the maps of a picture lie in the region that is marked there, and in the true ones. */
  function lying(index: number, shapes: Shapes): OverlapCard[] {
    const told = library[`told ${index}`];
    const known = (told.overlaps as Record<string, OverlapCard[]>)[index];
    const mine = (told.sheet as LessonSheet).maps.flatMap(({ name, map }) => {
      if (!map) return [];
      const [height, width] = map.shape;
      return [{ name, region: "", ...overlap(floats(map), marked(shapes, width, height)) }];
    });
    return [...mine, ...known.filter(({ region }) => region)];
  }

  function reveal(index: number, shapes: Shapes): void {
    if (!shapes.length) {
      throw new Error("Nothing is marked yet: mark the region that you expect to matter.");
    }
    mark(index, shapes);
    tell([index], { overlaps: { [index]: lying(index, shapes) } });
  }

  function cast(index: number, ballot: Ballot): void {
    if (revealed().length) throw new Error(KEPT);
    write({ ballots: { ...at("ballots"), [index]: ballot } });
    const voted = Object.values(at<Ballot>("ballots")).filter(({ vote }) => vote);
    if (voted.length === count) tell([...Array(count).keys()]);
  }

  /** The code of the notebook, with what the reader did on this page. */
  function code(): string {
    if (state._secret && !revealed().length) {
      throw new Error("The code names the methods: it can be copied once they are told.");
    }
    return answers(state._code as string, {
      marks: at<Shapes>("marks"),
      ballots: at<Ballot>("ballots"),
      revealed: revealed(),
      blind,
      count,
    });
  }

  function obey({ args, ...request }: Request): unknown {
    const name = request.name as LessonCommand;
    const index = args.index as number;
    switch (name) {
      case "select_input":
        turn(index);
        return null;
      case "set_mark":
        mark(index, args.shapes as Shapes);
        return null;
      case "reveal":
        if (blind) tell([...Array(count).keys()]);
        else reveal(index, args.shapes as Shapes);
        return null;
      case "cast_vote":
        cast(index, { vote: String(args.vote), reason: String(args.reason) });
        return null;
      case "copy_python":
        return code();
      case "retry":
      case "cancel":
        throw new Error("This page has no kernel: methods cannot be rerun.");
      default: {
        const never: never = name;
        return never;
      }
    }
  }

  return obeying(host, obey);
}

if (typeof document !== "undefined") start("lesson", widget, createOfflineModel);
