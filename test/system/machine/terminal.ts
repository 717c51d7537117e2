import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createScreen, type Screen } from "./screen.ts";

/** A program in a terminal, with somebody who reads and types. */
export interface Session {
  /** Waits until the screen shows the text, then types the keys. */
  answer(shown: string, keys: string): Promise<void>;
  /** Waits until the screen shows the text, then moves to the choice that begins so and takes it. */
  choose(shown: string, label: string): Promise<void>;
  /** Waits for the program's end; its exit code. */
  readonly ended: Promise<number | null>;
  readonly screen: Screen;
  /** Every byte the program painted. */
  painted(): string;
}

export const KEYS = {
  enter: "\r",
  down: "\u001b[B",
  up: "\u001b[A",
  space: " ",
  ctrlC: "\u0003",
  erase: "\u0015",
} as const;

/** Starts a program in a terminal of the given size. */
export function openTerminal(
  argv: readonly string[],
  { columns = 100, rows = 40 }: { readonly columns?: number; readonly rows?: number } = {},
): Session {
  const script = fileURLToPath(new URL("terminal.py", import.meta.url));
  const child = spawn("python3", [script, String(columns), String(rows), ...argv], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const screen = createScreen(columns);
  let bytes = "";
  let seen = 0;
  let wake = (): void => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    bytes += text;
    screen.paint(text);
    wake();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
    wake();
  });
  /** Looks again after every paint. */
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    const deadline = Date.now() + 60_000;
    const late = setTimeout(() => wake(), 60_000);
    try {
      while (!condition()) {
        if (isOver || Date.now() >= deadline) throw new Error(`the screen never showed ${what}:\n${screen.text()}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      clearTimeout(late);
    }
  };
  // Only what was painted since the last answer counts: the same words may stand further up.
  const untilShown = (text: string): Promise<void> => until(`"${text}"`, () => plain(bytes.slice(seen)).includes(text));
  const type = (keys: string): void => {
    seen = bytes.length;
    child.stdin.write(keys);
  };
  /** The marked choice; an answered question keeps its answer without a mark. */
  const marked = (): string => screen.rows().findLast((row) => MARK.test(row)) ?? "";
  return {
    ended,
    screen,
    painted: () => bytes,
    answer: async (shown, keys) => {
      await untilShown(shown);
      type(keys);
    },
    choose: async (shown, label) => {
      await untilShown(shown);
      await until("a marked choice", () => MARK.test(marked()));
      for (let moves = 0; !marked().replace(MARK, "").startsWith(label); moves++) {
        if (moves > 10) throw new Error(`there is no choice "${label}":\n${screen.text()}`);
        const before = marked();
        type(KEYS.down);
        // A repaint erases first: in between nothing is marked.
        await until("another choice", () => MARK.test(marked()) && marked() !== before);
      }
      type(KEYS.enter);
    },
  };
}

// ---

/** The mark of the chosen line, also in ASCII. */
const MARK = /^[│|]\s+[●>]\s/;

/** Without colours and cursor movements, white space folded: words a narrow terminal breaks are found all the same. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
  return text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replaceAll(/[\s│|]+/g, " ");
}
