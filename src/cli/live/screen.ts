import { printableLine } from "../../shared/text/printable.ts";
import { LEVELS, showValue } from "../../supervisor/logs/log-format.ts";
import type { LogLine } from "../../supervisor/logs/log-format.ts";
import type { StatusReport } from "../../supervisor/status/status.ts";
import { statusLines } from "../../supervisor/status/view.ts";
import { textWidth } from "../output.ts";
import type { Paint } from "../output.ts";
import type { KeyState } from "./keys.ts";

/** What the live view shows, and the room it has. */
export interface Screen {
  readonly status: StatusReport | undefined;
  /** The runtime's newest lines; text is a line that is not JSON. */
  readonly lines: readonly (LogLine | string)[];
  /** Undefined without a keyboard. */
  readonly keys: KeyState | undefined;
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

/** The events above the view, such as the address after the start, stay in sight. */
const MOST_LOG_ROWS = 12;
/** Narrower terminals show the time without milliseconds. */
const WIDE_COLUMNS = 100;

/** Returns the rows of the view, each at most as wide as the terminal, all of them together one less than it has. */
export function renderScreen(screen: Screen): string[] {
  const { status, keys, paint } = screen;
  const width = Math.max(1, screen.columns);
  const most = Math.max(1, screen.rows - 1);
  const foot = keys === undefined ? [] : [paint.dim(footer(keys, width))];
  const head = (status === undefined ? [] : statusLines(status))
    .slice(0, most - foot.length)
    .map((line, row) => paintHead(fit(printableLine(line), width), row, status, paint));
  const room = Math.max(0, Math.min(MOST_LOG_ROWS, most - head.length - foot.length));
  const log = screen.lines.filter((line) => isShown(line, keys)).slice(-MOST_LOG_ROWS);
  return [
    ...head,
    ...log.slice(log.length - Math.min(room, log.length)).map((line) => logRow(line, width, paint)),
    ...foot,
  ];
}

/** Shortens a line to the width: whole parts behind a comma go first. */
export function fit(line: string, width: number): string {
  if (textWidth(line) <= width) return line;
  for (let at = line.lastIndexOf(", "); at * 2 > width; at = line.lastIndexOf(", ", at - 1)) {
    if (textWidth(line.slice(0, at)) <= width) return line.slice(0, at);
  }
  return cut(line, width);
}

// ---

function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const char of text) {
    used += textWidth(char);
    if (used > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

function paintHead(line: string, row: number, status: StatusReport | undefined, paint: Paint): string {
  if (row === 0 && status !== undefined)
    return line.replace(`  ${status.overall}  `, (word) => overallPaint(status, paint)(word));
  if (line.startsWith("  error: ")) return paint.red(line);
  return line.startsWith("  warning: ") ? paint.yellow(line) : line;
}

function overallPaint({ overall }: StatusReport, paint: Paint): (text: string) => string {
  if (overall === "ok") return paint.green;
  return overall === "down" ? paint.red : paint.yellow;
}

function logRow(line: LogLine | string, width: number, paint: Paint): string {
  if (typeof line === "string") return cut(printableLine(line), width);
  const clock = line.time.slice(11, width < WIDE_COLUMNS ? 19 : 23);
  const row = cut(printableLine(`${clock} ${line.level.padEnd(5)} ${textOf(line)}`), width);
  const { status } = line.fields;
  if (line.level === "error" || line.level === "fatal" || (typeof status === "number" && status >= 500))
    return paint.red(row);
  if (line.level === "warn" || (typeof status === "number" && status >= 400)) return paint.yellow(row);
  return line.level === "info" ? row : paint.dim(row);
}

/** What happened first, the request's id last: a narrow terminal cuts the end off. */
function textOf({ event, fields }: LogLine): string {
  const { request_id: id, method, route, status, ms, text, ...rest } = fields;
  const what =
    event === "request_end"
      ? `${String(status)} ${String(method)} ${String(route)} ${String(ms)} ms`
      : [event, ...Object.entries({ method, route, status, ms }).flatMap(showField)].join(" ");
  const said = typeof text === "string" ? [text] : [];
  return [what, ...said, ...Object.entries({ ...rest, request_id: id }).flatMap(showField)].join(" ");
}

function showField([key, value]: [string, unknown]): string[] {
  return value === undefined ? [] : [`${key}=${showValue(value)}`];
}

function isShown(line: LogLine | string, keys: KeyState | undefined): boolean {
  if (keys === undefined) return true;
  if (typeof line !== "string" && LEVELS.indexOf(line.level) < LEVELS.indexOf(keys.level)) return false;
  const text = typeof line === "string" ? line : `${line.level} ${textOf(line)}`;
  return text.toLowerCase().includes(keys.filter.toLowerCase());
}

/** Hints that do not fit are left out from the end. */
function footer({ level, filter, isTyping }: KeyState, width: number): string {
  if (isTyping) return cut(`filter: ${filter}_  (Enter keeps it, Esc clears it)`, width);
  const shown = filter === "" ? "f filter" : `f filter: ${filter}`;
  const hints = ["q stop", "r reload", "R restart", `l level: ${level}`, shown, "o open the page"];
  while (hints.length > 1 && textWidth(hints.join("   ")) > width) hints.pop();
  return cut(hints.join("   "), width);
}
