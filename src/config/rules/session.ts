import { formatDuration } from "../../shared/units.ts";
import { atMost, type CrossRule } from "./rule.ts";

/** Rules over `session`, `stream`, `subtitles` and `shutdown`: how long speech may last, and how long it is shown. */
export const SESSION_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "`stream.partialIntervalMin` is at most `stream.partialIntervalMax`.",
    keys: ["stream.partialIntervalMin", "stream.partialIntervalMax"],
    check: ({ stream }) =>
      atMost(
        "stream.partialIntervalMax",
        "partialIntervalMin",
        stream.partialIntervalMinMs,
        stream.partialIntervalMaxMs,
      ),
  },
  {
    severity: "error",
    says: "`subtitles.minDuration` is at most `subtitles.maxDuration`.",
    keys: ["subtitles.minDuration", "subtitles.maxDuration"],
    check: ({ subtitles }) =>
      atMost("subtitles.maxDuration", "minDuration", subtitles.minDurationMs, subtitles.maxDurationMs),
  },
  {
    severity: "warning",
    says: "`session.maxDuration` is not longer than `session.idleTimeout`.",
    keys: ["session.maxDuration", "session.idleTimeout"],
    check: ({ session }) =>
      session.maxDurationMs > 0 && session.maxDurationMs <= session.idleTimeoutMs
        ? {
            rule: "ends every session before session.idleTimeout can",
            found: `${formatDuration(session.maxDurationMs)} against ${formatDuration(session.idleTimeoutMs)}`,
            cure: "lower idleTimeout or raise maxDuration",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`session.pingInterval` is longer than `session.idleTimeout`.",
    keys: ["session.pingInterval", "session.idleTimeout"],
    check: ({ session }) =>
      session.pingIntervalMs > session.idleTimeoutMs
        ? {
            rule: "is longer than session.idleTimeout: no ping is ever sent",
            found: `${formatDuration(session.pingIntervalMs)} against ${formatDuration(session.idleTimeoutMs)}`,
            cure: `set pingInterval to ${formatDuration(Math.max(1000, Math.floor(session.idleTimeoutMs / 4000) * 1000))}`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`shutdown.drain` is longer than `session.maxDuration`.",
    keys: ["shutdown.drain", "session.maxDuration"],
    check: ({ shutdown, session }) =>
      session.maxDurationMs > 0 && shutdown.drainMs > session.maxDurationMs
        ? {
            rule: "is longer than the longest session can last",
            found: `${formatDuration(shutdown.drainMs)} against ${formatDuration(session.maxDurationMs)}`,
            cure: "a drain of 10s to 1m is usual; every grace period grows with it",
          }
        : undefined,
  },
];
