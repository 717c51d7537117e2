import { settableKeys } from "../../config/schema/node.ts";
import { resolvedValue } from "../../config/resolve.ts";
import { configSchema } from "../../config/schema/schema.ts";
import type { ResolvedConfig } from "../../config/types.ts";

/** The configuration as it is now. Everything that may change while running reads it at the moment of use, never keeps a copy. */
export interface Settings {
  readonly current: ResolvedConfig;
  /** Applies a new configuration when only live keys differ; otherwise changes nothing and returns the keys that need a new process. */
  reload(next: ResolvedConfig): readonly string[];
  /** Called after each successful reload. */
  onChange(listener: (config: ResolvedConfig) => void): void;
}

/** Sections the runtime does not read: a change of theirs is the supervisor's or the renderer's business. */
const FOREIGN_SECTIONS: ReadonlySet<string> = new Set(["supervisor", "deploy"]);

export function createSettings(initial: ResolvedConfig): Settings {
  let current = initial;
  const listeners: ((config: ResolvedConfig) => void)[] = [];
  return {
    get current() {
      return current;
    },
    reload: (next) => {
      const refused = keysThatNeedAProcess(current, next);
      if (refused.length > 0) return refused;
      current = next;
      for (const listener of listeners) listener(next);
      return [];
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Keys that differ and that the schema does not call live, in YAML's spelling. */
function keysThatNeedAProcess(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const keys: string[] = [];
  for (const [key, node] of settableKeys(configSchema)) {
    const path = key.split(".");
    if (node["x-reload"] === "live" || FOREIGN_SECTIONS.has(path[0] ?? "")) continue;
    const [old, now] = [before, after].map((config) => resolvedValue(configSchema, config, path));
    if (JSON.stringify(old) !== JSON.stringify(now)) keys.push(key);
  }
  return keys;
}
