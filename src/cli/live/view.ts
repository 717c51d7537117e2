import { readFileSync } from "node:fs";
import { runProgram } from "../../shared/process/program.ts";
import { printableLine } from "../../shared/text/printable.ts";
import { setInterval } from "../../shared/time/timers.ts";
import { parseLogLine } from "../../supervisor/logs/log-format.ts";
import type { LogLine } from "../../supervisor/logs/log-format.ts";
import { describeEvent } from "../../supervisor/status/view.ts";
import type { View, ViewOptions } from "../../supervisor/status/view.ts";
import type { Paint } from "../output.ts";
import { FIRST_KEYS, pressKeys } from "./keys.ts";
import type { KeyAction, KeyState } from "./keys.ts";
import { renderScreen } from "./screen.ts";

/** The part of a terminal's standard input that is used. */
export type Keyboard = Pick<NodeJS.ReadStream, "setRawMode" | "setEncoding" | "on" | "off" | "resume" | "pause">;

export interface LiveOptions extends ViewOptions {
  readonly paint: Paint;
  /** Undefined where keys cannot be read. */
  readonly keyboard: Keyboard | undefined;
  /** Shows an address in a browser; resolves false where that is not possible. */
  readonly open: (url: string) => Promise<boolean>;
}

const REFRESH_MS = 1000;
/** A filter or another level also looks at earlier lines. */
const KEPT_LINES = 500;
/** A row that is wider than the terminal is cut by it, not continued on a second row. */
const [NO_WRAP, WRAP] = ["\u001b[?7l", "\u001b[?7h"];

/** A block at the bottom of the terminal that is redrawn in place: state, addresses, rates, the newest log lines, keys. Events scroll above it. */
export function createLiveView({ out, status, act, paint, keyboard, open }: LiveOptions): View {
  let keys: KeyState | undefined = keyboard === undefined ? undefined : FIRST_KEYS;
  let lines: (LogLine | string)[] = [];
  let drawn: readonly string[] = [];

  const eraser = (): string => (drawn.length === 0 ? "\r" : `\r\u001b[${drawn.length}A\u001b[J`);
  const draw = (): void => {
    const { columns = 80, rows = 24 } = out;
    const block = renderScreen({ status: status(), lines, keys, columns, rows, paint });
    if (block.join("\n") === drawn.join("\n")) return;
    out.write(`${eraser()}${NO_WRAP}${block.map((row) => `${row}\r\n`).join("")}${WRAP}`);
    drawn = block;
  };
  /** Text that stays, above the block. */
  const print = (text: string): void => {
    out.write(`${eraser()}${text.replaceAll("\n", "\r\n")}\r\n`);
    drawn = [];
    draw();
  };
  const say = (text: string): void => print(text.split("\n").map(printableLine).join("\n"));
  /** A terminal that changes its width moves the rows: only clearing all of it leaves no remains. */
  const resize = (): void => {
    out.write("\u001b[H\u001b[2J");
    drawn = [];
    draw();
  };

  const perform: Readonly<Record<KeyAction, () => unknown>> = {
    stop: () => act.stop(),
    reload: () => act.reload(),
    restart: () => act.restart(),
    open: async () => {
      const service = status()?.service;
      const url = service?.publicUrl ?? service?.url;
      if (url !== undefined && !(await open(url))) say(`Open ${url} in a browser.`);
    },
  };
  const type = (text: string): void => {
    if (keys === undefined) return;
    const pressed = pressKeys(keys, text);
    keys = pressed.state;
    for (const action of pressed.actions) perform[action]();
    draw();
  };

  out.on?.("resize", resize);
  const timer = setInterval(draw, REFRESH_MS);
  keyboard?.setRawMode(true);
  keyboard?.setEncoding("utf8");
  keyboard?.on("data", type).on("error", ignore).resume();
  let isClosed = false;

  return {
    event: (event) => {
      if (event.level !== "debug") say(describeEvent(event));
    },
    line: (line) => {
      lines = [...lines.slice(1 - KEPT_LINES), parseLogLine(line) ?? line];
    },
    say,
    draw: print,
    close: () => {
      if (isClosed) return;
      isClosed = true;
      clearInterval(timer);
      out.off?.("resize", resize);
      out.write(eraser());
      drawn = [];
      keyboard?.off("data", type).pause();
      keyboard?.setRawMode(false);
    },
  };
}

/** Returns the keyboard when standard input is a terminal that this process may read: a background job would be stopped for trying. */
export function keyboardOf(stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }): Keyboard | undefined {
  return stdin.isTTY === true && isForeground() ? (stdin as NodeJS.ReadStream) : undefined; // a terminal's input is a ReadStream
}

/** Opens the page with the desktop's own program, which goes on by itself. */
export async function openInBrowser(url: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const hasDesktop = process.platform === "darwin" || Boolean(env["DISPLAY"] ?? env["WAYLAND_DISPLAY"]);
  if (!hasDesktop) return false;
  const [opener, script] = process.platform === "darwin" ? ["open", OPEN] : ["xdg-open", OPEN];
  const { exitCode } = await runProgram("sh", ["-c", script, "sh", opener, url], {
    timeoutMs: 5000,
    maxOutputBytes: 0,
  });
  return exitCode === 0;
}

// ---

const OPEN = 'command -v "$1" >/dev/null && { "$1" "$2" >/dev/null 2>&1 & }';

/** Linux tells the process group that may read the terminal; elsewhere it is taken for ours. */
function isForeground(): boolean {
  try {
    const [, , group, , , reader] = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1)!.split(" ");
    return group === reader;
  } catch {
    return true;
  }
}

function ignore(): void {}
