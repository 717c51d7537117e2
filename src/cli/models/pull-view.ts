import type { PullEvent } from "../../models/pull.ts";
import type { Clock } from "../../shared/time/clock.ts";
import { readableBytes } from "../../shared/units.ts";

/** Shows a pull; `end` clears a bar that is still on the screen. */
export interface PullView {
  show(event: PullEvent): void;
  end(): void;
}

interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 10_000;
const JSON_EVERY_MS = 500;

/** One JSON value a line on stdout, for programs. Progress at most twice a second. */
export function createJsonView(screen: Screen, clock: Clock): PullView {
  let lastMs = -Infinity;
  return {
    show: (event) => {
      if (event.event === "progress" && event.bytesDone < event.bytesTotal) {
        if (clock.monotonicMs() - lastMs < JSON_EVERY_MS) return;
        lastMs = clock.monotonicMs();
      }
      screen.write(`${JSON.stringify(event)}\n`);
    },
    end: () => undefined,
  };
}

/** For people: a bar on a terminal, else plain lines, at most one in ten seconds while bytes flow. */
export function createTextView(screen: Screen, clock: Clock): PullView {
  const meter = createMeter(clock);
  const tty = screen.isTTY === true;
  let shownMs = -Infinity;
  let barVisible = false;
  const clear = (): void => {
    if (barVisible) screen.write("\r\u001B[K");
    barVisible = false;
  };
  const line = (text: string): void => {
    clear();
    screen.write(`${text}\n`);
  };
  return {
    end: clear,
    show: (event) => {
      if (event.event !== "progress") {
        shownMs = event.event === "file" && !tty ? clock.monotonicMs() : -Infinity;
        meter.note(event);
        for (const text of linesOf(event)) line(text);
        return;
      }
      meter.note(event);
      const nowMs = clock.monotonicMs();
      if (nowMs - shownMs < (tty ? BAR_EVERY_MS : LINE_EVERY_MS)) return;
      shownMs = nowMs;
      if (!tty) return line(`  ${progressText(event, meter)}`);
      screen.write(`\r\u001B[K${fitted(progressBar(event, meter), (screen.columns || 80) - 1)}`);
      barVisible = true;
    },
  };
}

/** `45 %  101 MB of 225 MB  12 MB/s  10 s left` */
function progressText(event: PullEvent & { event: "progress" }, meter: Meter): string {
  const { file, bytesDone, bytesTotal } = event;
  const rate = meter.bytesPerSecond();
  const parts = [
    `${file} ${Math.floor((bytesDone / bytesTotal) * 100)} %`,
    `${readableBytes(bytesDone)} of ${readableBytes(bytesTotal)}`,
  ];
  if (rate !== undefined) {
    parts.push(`${readableBytes(rate)}/s`, `${durationText((bytesTotal - bytesDone) / Math.max(rate, 1))} left`);
  }
  return parts.join("  ");
}

function progressBar(event: PullEvent & { event: "progress" }, meter: Meter): string {
  const width = 20;
  const full = Math.floor((event.bytesDone / event.bytesTotal) * width);
  return `[${"#".repeat(full)}${"-".repeat(width - full)}] ${progressText(event, meter)}`;
}

function linesOf(event: PullEvent): string[] {
  switch (event.event) {
    case "plan":
      return [
        `${event.model}: licence ${event.license.name}, ${event.license.holder}${event.license.url === undefined ? "" : ` (${event.license.url})`}; languages ${event.languages.join(", ")}`,
        `pulling ${event.model} ${event.precision} from ${event.source} to ${event.dir}: ${readableBytes(event.bytesMissing)}`,
      ];
    case "file":
      return event.resumedFrom > 0
        ? [`  ${event.file} (${readableBytes(event.bytes)}), resumes at ${readableBytes(event.resumedFrom)}`]
        : [`  ${event.file} (${readableBytes(event.bytes)})`];
    case "restart":
      return [`  ${event.file} starts again: ${event.reason}`];
    case "retry":
      return [`  ${event.reason}; try ${event.attempt} in ${durationText(event.waitMs / 1000)}`];
    case "done":
      return event.changed
        ? [`${event.model} ${event.precision} is installed and verified. Restart a running server to use it.`]
        : [`${event.model} ${event.precision} is installed already and verified.`];
    default:
      return [];
  }
}

interface Meter {
  note(event: PullEvent): void;
  bytesPerSecond(): number | undefined;
}

/** Rate over about the last five seconds; bytes that were there before the run do not count. */
function createMeter(clock: Clock): Meter {
  const windowMs = 5000;
  let samples: { atMs: number; bytes: number }[] = [];
  return {
    note: (event) => {
      if (event.event !== "progress") {
        if (event.event === "file") samples = [];
        return;
      }
      const nowMs = clock.monotonicMs();
      const last = samples.at(-1);
      if (last && event.bytesDone < last.bytes) samples = [];
      samples.push({ atMs: nowMs, bytes: event.bytesDone });
      // Thousands of chunks a second must not make a list of thousands: keep one sample per tenth of a second.
      if (samples.length > 2 && nowMs - samples.at(-3)!.atMs < windowMs / 50) samples.splice(-2, 1);
      while (samples.length > 2 && nowMs - samples[0]!.atMs > windowMs) samples.shift();
    },
    bytesPerSecond: () => {
      const first = samples[0];
      const last = samples.at(-1);
      if (!first || !last || last.atMs - first.atMs < 200) return undefined;
      return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
    },
  };
}

/** `8 s`, `2 min 5 s`, `1 h 3 min`. */
function durationText(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

function fitted(text: string, columns: number): string {
  return text.length <= columns ? text : text.slice(0, Math.max(1, columns));
}
