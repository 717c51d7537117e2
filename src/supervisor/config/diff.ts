import { settableKeys } from "../../config/schema/node.ts";
import type { ReloadClass } from "../../config/schema/node.ts";
import { redacted, resolvedValue, unresolve } from "../../config/resolve.ts";
import { configSchema } from "../../config/schema/schema.ts";
import type { ResolvedConfig } from "../../config/types.ts";

/** One key that differs between two configurations, in YAML terms. */
export interface ConfigChange {
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly class: ReloadClass;
}

/** What it takes to apply changes: the strongest class among them. `manual`: the supervisor itself must be restarted. */
export type ReloadEffect = "none" | "live" | "handover" | "restart" | "manual";

export interface ConfigPlan {
  readonly effect: ReloadEffect;
  readonly changes: readonly ConfigChange[];
}

/** The supervisor lives in this directory: moving it while it runs would lose its claim, sockets and logs. */
const NEEDS_NEW_SUPERVISOR: ReadonlySet<string> = new Set(["supervisor.stateDir"]);

/** Compares two resolved configurations key by key. Pure. */
export function planChange(before: ResolvedConfig, after: ResolvedConfig): ConfigPlan {
  const changes: ConfigChange[] = [];
  for (const [key, node] of settableKeys(configSchema)) {
    const path = key.split(".");
    const [old, now] = [before, after].map((config) => unresolve(node, resolvedValue(configSchema, config, path)));
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    changes.push({
      key,
      before: redacted(node, old),
      after: redacted(node, now),
      class: node["x-reload"] ?? "restart",
    });
  }
  return { changes, effect: effectOf(changes) };
}

// ---

function effectOf(changes: readonly ConfigChange[]): ReloadEffect {
  if (changes.some((change) => NEEDS_NEW_SUPERVISOR.has(change.key))) return "manual";
  for (const effect of ["restart", "handover", "live"] as const) {
    if (changes.some((change) => change.class === effect)) return effect;
  }
  return "none";
}
