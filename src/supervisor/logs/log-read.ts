import { errorCodeOf } from "../../shared/errors.ts";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { LEVELS, parseLogLine } from "./log-format.ts";
import type { LogLine } from "./log-format.ts";
import { sleep } from "../../shared/time/timers.ts";

export interface LogFilter {
  /** `runtime`, `supervisor`; undefined = all. */
  readonly process: string | undefined;
  /** Least level shown. */
  readonly level: string | undefined;
  /** Unix milliseconds. */
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  /** What a line contains, in any case. */
  readonly text?: string | undefined;
}

/** A line with the process that wrote it; `raw` is the file's own text. */
export interface LoggedLine {
  readonly process: string;
  readonly raw: string;
  readonly parsed: LogLine;
}

/**
 * Returns the last lines that pass the filter, oldest first, over all processes and rotated files, ordered by time.
 *
 * @param maxBytes how much of a process's files is read for it
 */
export async function readLastLines(
  logsDir: string,
  filter: LogFilter,
  count: number,
  maxBytes: number = MAX_READ_BYTES,
): Promise<LoggedLine[]> {
  if (count === 0) return [];
  const found: LoggedLine[] = [];
  for (const process of await loggedProcesses(logsDir)) {
    if (filter.process !== undefined && filter.process !== process) continue;
    const mine: LoggedLine[] = [];
    for await (const raw of linesFromEnd(await filesOf(logsDir, process), maxBytes)) {
      const parsed = parseLogLine(raw);
      if (parsed === undefined) continue;
      if (passes(parsed, filter) && hasText(raw, filter)) mine.push({ process, raw, parsed });
      if (mine.length >= count || Date.parse(parsed.time) < (filter.sinceMs ?? 0) - CLOCK_STEP_MS) break;
    }
    found.push(...mine.reverse());
  }
  // Stable: lines of one process stay in the order they were written.
  return found
    .sort((a, b) => (a.parsed.time < b.parsed.time ? -1 : a.parsed.time > b.parsed.time ? 1 : 0))
    .slice(-count);
}

/** Whether anything has logged there. */
export async function hasLogs(logsDir: string): Promise<boolean> {
  return (await loggedProcesses(logsDir)).length > 0;
}

/** Calls back for every new line from now on, across rotation, until the signal aborts. */
export async function followLogs(
  logsDir: string,
  filter: LogFilter,
  onLine: (line: LoggedLine) => void,
  signal: AbortSignal,
): Promise<void> {
  const positions = new Map<string, { inode: number; offset: number; rest: string }>();
  for (let first = true; !signal.aborted; first = false) {
    for (const process of await loggedProcesses(logsDir)) {
      if (filter.process !== undefined && filter.process !== process) continue;
      await followOne(join(logsDir, `${process}.log`), process, first);
    }
    await sleep(FOLLOW_INTERVAL_MS, { signal }).catch(() => {});
  }

  async function followOne(path: string, process: string, fromEnd: boolean): Promise<void> {
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) return;
    const known = positions.get(path);
    if (known === undefined) {
      positions.set(path, { inode: info.ino, offset: fromEnd ? info.size : 0, rest: "" });
      if (fromEnd) return;
    } else if (known.inode !== info.ino) {
      // Rotated: what was written to the old file after our last look lies in the first rotated one.
      const old = await stat(`${path}.1`).catch(() => undefined);
      if (old?.ino === known.inode) await deliver(`${path}.1`, process, known, old.size);
      positions.set(path, { inode: info.ino, offset: 0, rest: "" });
    } else if (info.size < known.offset) {
      known.offset = 0;
    }
    const position = positions.get(path);
    if (position !== undefined) await deliver(path, process, position, info.size);
  }

  async function deliver(
    path: string,
    process: string,
    position: { offset: number; rest: string },
    size: number,
  ): Promise<void> {
    if (size <= position.offset) return;
    const text = position.rest + (await readRange(path, position.offset, size));
    position.offset = size;
    const lines = text.split("\n");
    position.rest = lines.pop() ?? "";
    for (const raw of lines) {
      const parsed = parseLogLine(raw);
      if (parsed !== undefined && passes(parsed, filter)) onLine({ process, raw, parsed });
    }
  }
}

// ---

const FOLLOW_INTERVAL_MS = 200;
/** Of a larger file only the end is read; rotation keeps files smaller than this. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
/** Lines are written in the order of time, except where the clock was set. */
const CLOCK_STEP_MS = 60_000;

/** Returns the processes that have logged there. */
export async function loggedProcesses(logsDir: string): Promise<string[]> {
  const names = await readdir(logsDir).catch((error: unknown): string[] => {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw error;
  });
  return names.flatMap((name) => (name.endsWith(".log") && name !== "console.log" ? [name.slice(0, -4)] : [])).sort();
}

async function filesOf(logsDir: string, process: string): Promise<string[]> {
  const names = await readdir(logsDir);
  const rotated = names
    .flatMap((name) => {
      const number = name.startsWith(`${process}.log.`) ? Number(name.slice(process.length + 5)) : Number.NaN;
      return Number.isInteger(number) ? [number] : [];
    })
    .sort((a, b) => a - b);
  return [`${process}.log`, ...rotated.map((number) => `${process}.log.${number}`)].map((name) => join(logsDir, name));
}

/** Yields the lines of files, newest file first, last line first, and reads no more than is asked for. */
async function* linesFromEnd(files: readonly string[], maxBytes: number): AsyncGenerator<string> {
  let left = maxBytes;
  for (const path of files) {
    let at = (await stat(path).catch(() => undefined))?.size ?? 0;
    let rest = Buffer.alloc(0);
    while (at > 0 && left > 0) {
      const from = Math.max(0, at - BLOCK_BYTES);
      left -= at - from;
      const block = Buffer.concat([await readBytes(path, from, at), rest]);
      // The first line of the block begins in the one before.
      const whole = from === 0 ? 0 : block.indexOf(10) + 1;
      rest = Buffer.from(block.subarray(0, whole));
      at = from;
      const lines = (from > 0 && whole === 0 ? "" : block.toString("utf8", whole)).split("\n");
      for (const line of lines.reverse()) if (line !== "") yield line;
      // gigastt writes no line that long.
      if (from > 0 && whole === 0) rest = block.length > MAX_LINE_BYTES ? Buffer.alloc(0) : block;
    }
    if (left <= 0) return;
  }
}

async function readRange(path: string, from: number, to: number): Promise<string> {
  return (await readBytes(path, from, to)).toString("utf8");
}

async function readBytes(path: string, from: number, to: number): Promise<Buffer<ArrayBuffer>> {
  try {
    const handle = await open(path, "r");
    try {
      const buffer = Buffer.alloc(Math.max(0, to - from));
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, from + length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function hasText(raw: string, { text }: LogFilter): boolean {
  return text === undefined || raw.toLowerCase().includes(text.toLowerCase());
}

function passes(line: LogLine, filter: LogFilter): boolean {
  if (filter.level !== undefined && LEVELS.indexOf(line.level) < LEVELS.indexOf(filter.level)) return false;
  const atMs = Date.parse(line.time);
  return (
    (filter.sinceMs === undefined || atMs >= filter.sinceMs) && (filter.untilMs === undefined || atMs <= filter.untilMs)
  );
}
