import { destination, pino } from "pino";
import type { DestinationStream, Logger as Pino } from "pino";
import { setTimeout } from "./time/timers.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** Fields of one log line. An `Error` under `err` becomes type, code, message and stack. Never audio, text, keys or whole requests. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: an event name (`request_end`) and fields, one JSON line each. */
export interface Logger {
  trace(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  fatal(event: string, fields?: LogFields): void;
  /** Writes a line of another format as it is, whatever the level. */
  line(text: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
  /** Takes effect at once, for this logger and for children made after it. */
  setLevel(level: LogLevel): void;
  /** Resolves when the lines written so far have left the process, or after 500 ms when the reader has stopped. */
  flush(): Promise<void>;
}

/** Unread lines are kept up to this many bytes; what comes after is dropped rather than kept in memory. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const FLUSH_LIMIT_MS = 500;

/**
 * Creates a logger of JSON lines: `{"level":"info","time":"2026-11-21T09:41:00.000Z","event":"request_end",…}`.
 *
 * @param options.stream where lines go; default standard output, written asynchronously so that a full pipe never blocks the event loop
 */
export function createLogger(options: { level: LogLevel; stream?: { write(line: string): unknown } }): Logger {
  const own = options.stream === undefined ? standardOutput() : undefined;
  const target: DestinationStream = own ?? { write: (line) => void options.stream?.write(line) };
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        messageKey: "event",
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: describeError },
      },
      target,
    ),
    target,
    own,
  );
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  fatal: () => {},
  line: () => {},
  child: () => silentLogger,
  setLevel: () => {},
  flush: () => Promise.resolve(),
};

type Destination = ReturnType<typeof destination>;

function standardOutput(): Destination {
  const out = destination({ fd: 1, sync: false, minLength: 1, maxLength: MAX_BUFFERED_BYTES });
  // A closed pipe (EPIPE) is the reader's choice: the server goes on without a log.
  out.on("error", () => {});
  return out;
}

function wrap(logger: Pino, target: DestinationStream, own: Destination | undefined): Logger {
  const at =
    (level: LogLevel) =>
    (event: string, fields?: LogFields): void =>
      fields === undefined ? logger[level](event) : logger[level](fields, event);
  return {
    trace: at("trace"),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    fatal: at("fatal"),
    line: (text) => target.write(`${text}\n`),
    child: (fields) => wrap(logger.child(fields), target, own),
    setLevel: (level) => {
      logger.level = level;
    },
    flush: () => (own === undefined ? Promise.resolve() : flushWithin(own, FLUSH_LIMIT_MS)),
  };
}

function flushWithin(out: Destination, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    out.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : describeError(error.cause);
  return { type: error.name, code, message: error.message, stack: error.stack, cause };
}
