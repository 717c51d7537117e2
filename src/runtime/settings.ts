import type { ResolvedConfig } from "../config/types.ts";

/** The configuration as it is now. Everything that may change while running reads it at the moment of use, never keeps a copy. */
export interface Settings {
  readonly current: ResolvedConfig;
  /** Applies a new configuration when only live keys differ; otherwise changes nothing and returns the keys that need a new process. */
  reload(next: ResolvedConfig): readonly string[];
  /** Called after each successful reload. */
  onChange(listener: (config: ResolvedConfig) => void): void;
}

/** Keys, or whole sections, that take effect without a new process. */
export const LIVE_KEYS: readonly string[] = [
  "server.trustedProxies",
  "server.allowedOrigins",
  "server.corsAllowAny",
  "limits.bodyBytes",
  "limits.minUploadKbps",
  "limits.maxAudioDurationMs",
  "limits.requestBudgetMs",
  "limits.wsOutgoingBytes",
  "limits.bufferedAudioMs",
  "pool.checkoutTimeoutMs",
  "pool.queue",
  "session",
  "rateLimit",
  "shutdown",
  "stream",
  "metrics",
  "log",
];

/** What the runtime does not read: the supervisor's, the renderer's and the downloader's business. */
const FOREIGN_SECTIONS: readonly string[] = ["supervisor", "deploy", "model.mirror", "model.offline"];

export function createSettings(initial: ResolvedConfig): Settings {
  let current = initial;
  const listeners: ((config: ResolvedConfig) => void)[] = [];
  return {
    get current() {
      return current;
    },
    reload: (next) => {
      const refused = changedKeys(current, next).filter(
        (key) => !isUnder(key, LIVE_KEYS) && !isUnder(key, FOREIGN_SECTIONS),
      );
      if (refused.length > 0) return refused;
      current = next;
      for (const listener of listeners) listener(next);
      return [];
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Dotted paths of all leaves that differ. Arrays are leaves. */
export function changedKeys(before: unknown, after: unknown, path = ""): string[] {
  if (isTree(before) && isTree(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => changedKeys(before[name], after[name], path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUnder(key: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => key === prefix || key.startsWith(`${prefix}.`));
}
