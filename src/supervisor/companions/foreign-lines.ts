// Lines of other programs, as the log keeps them: level and time from the line itself.

/** A line of Caddy's JSON log; undefined for anything else. */
export function caddyLine(line: string): string | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return undefined;
    const { level, ts, logger, msg, ...fields } = Object.fromEntries(Object.entries(value));
    if (typeof level !== "string" || typeof ts !== "number") return undefined;
    return JSON.stringify({
      level: LEVELS[level] ?? level,
      time: new Date(ts * 1000).toISOString(),
      event: typeof logger === "string" ? logger : "caddy",
      text: msg,
      ...fields,
    });
  } catch {
    return undefined;
  }
}

/** A line of nginx's error log; undefined for anything else. Its own time has no zone: ours is taken. */
export function nginxLine(line: string, nowMs: number): string | undefined {
  const match = /^(?:\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d|nginx:) \[(\w+)\] (?:\d+#\d+: )?(.*)$/.exec(line);
  if (match === null) return undefined;
  const [, level = "", text] = match;
  return JSON.stringify({ level: LEVELS[level] ?? level, time: new Date(nowMs).toISOString(), event: "nginx", text });
}

/** A line of Redis: `123:M 21 Nov 2026 10:00:00.000 * text`; undefined for anything else. */
export function redisLine(line: string, nowMs: number): string | undefined {
  const match = /^\d+:[A-Z] \d{1,2} \w{3} \d{4} [\d:.]+ ([.*#-]) (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, mark, text] = match;
  const level = mark === "#" ? "warn" : mark === "*" ? "info" : "debug";
  return JSON.stringify({ level, time: new Date(nowMs).toISOString(), event: "redis", text });
}

const LEVELS: Readonly<Record<string, string>> = {
  notice: "info",
  crit: "error",
  alert: "error",
  emerg: "fatal",
  panic: "fatal",
};
