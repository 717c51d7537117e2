import { printableLine } from "../../shared/text/printable.ts";

/** One line of a log file, as far as we can read it. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export const LEVELS: readonly string[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** Reads a JSON log line; undefined for anything else. */
export function parseLogLine(line: string): LogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { time, level, event, ...fields } = Object.fromEntries(Object.entries(value));
  if (typeof time !== "string" || typeof level !== "string") return undefined;
  return { time, level, event: typeof event === "string" ? event : "", fields };
}

/** A log line for people: `10:41:00.123 warn  runtime request_end status=503 tookMs=12`. Control characters never reach the terminal. */
export function formatLogLine(line: LogLine, process: string, options: { readonly date: boolean }): string {
  const clock = options.date ? line.time : line.time.slice(11, 23);
  return `${printableLine([clock, line.level.padEnd(5), process].join(" "))} ${fieldsText(line)}`;
}

/** Returns event and fields of a line for people, in one line. */
export function fieldsText(line: LogLine): string {
  const fields = Object.entries(line.fields).map(([key, value]) =>
    key === "text" && typeof value === "string" ? value : `${key}=${showValue(value)}`,
  );
  return printableLine([line.event, ...fields].join(" "));
}

/** Returns a field's value for people: quoted only where a plain word would be misread. */
export function showValue(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "undefined";
}
