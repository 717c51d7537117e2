import { describe, expect, it } from "vitest";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import { isLeaf, isList, nodeAt, settableKeys } from "../../../../src/config/schema/node.ts";
import { resolvedName } from "../../../../src/config/resolve.ts";
import { configSchema } from "../../../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../../../src/config/types.ts";
import { createSettings } from "../../../../src/runtime/lifecycle/settings.ts";
import { planChange } from "../../../../src/supervisor/config/diff.ts";

const keys = [...settableKeys(configSchema)];

/** The defaults with another value at one key; the value need not be valid, only different. */
function changedAt(key: string): ResolvedConfig {
  const path = key.split(".");
  const copy = structuredClone(defaultConfig) as unknown as Record<string, unknown>; // to be changed below
  let target: Record<string, unknown> = copy;
  const names = path.map((name, i) => {
    const node = nodeAt(configSchema, path.slice(0, i + 1));
    return node === undefined ? name : resolvedName(name, node);
  });
  for (const name of names.slice(0, -1)) target = target[name] as Record<string, unknown>; // sections
  const last = names.at(-1) ?? "";
  target[last] = different(target[last], key);
  return copy as unknown as ResolvedConfig; // the same shape again
}

function different(value: unknown, key: string): unknown {
  const node = nodeAt(configSchema, key.split("."));
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (node !== undefined && isList(node)) return [...(Array.isArray(value) ? (value as unknown[]) : []), "x"];
  if (
    node !== undefined &&
    isLeaf(node) &&
    (node["x-unit"] !== undefined || node.type === "integer" || node.type === "number")
  )
    return 12_345;
  if (typeof value === "object" && value !== null) return { ...value, x: "y" };
  return `${String(value)}x`;
}

describe("every configuration key", () => {
  it.each(keys)("%s is planned by its own class", (key, node) => {
    const plan = planChange(defaultConfig, changedAt(key));
    expect(plan.changes.map((change) => [change.key, change.class])).toEqual([[key, node["x-reload"] ?? "restart"]]);
    expect(plan.effect).toBe(key === "supervisor.stateDir" ? "manual" : (node["x-reload"] ?? "restart"));
  });

  const runtimeKeys = keys.filter(([key]) => !key.startsWith("supervisor.") && !key.startsWith("deploy."));
  it.each(runtimeKeys)("%s: the runtime takes it over exactly when its class is live", (key, node) => {
    const refused = createSettings(defaultConfig).reload(changedAt(key));
    expect(refused.length === 0 ? "live" : "needs a process").toBe(
      node["x-reload"] === "live" ? "live" : "needs a process",
    );
  });

  it.each(keys)("%s names a class", (_key, node) => {
    expect(["live", "handover", "restart"]).toContain(node["x-reload"]);
  });
});

describe("a plan", () => {
  it("takes the strongest class of all changes", () => {
    const both = {
      ...changedAt("server.port"),
      pool: changedAt("pool.queue").pool,
      engine: changedAt("engine.workers").engine,
    };
    expect(planChange(defaultConfig, both).effect).toBe("restart");
    expect(
      planChange(defaultConfig, {
        ...defaultConfig,
        pool: changedAt("pool.queue").pool,
        engine: changedAt("engine.workers").engine,
      }).effect,
    ).toBe("handover");
  });

  it("is empty for equal configurations", () => {
    expect(planChange(defaultConfig, structuredClone(defaultConfig))).toEqual({ effect: "none", changes: [] });
  });

  it("does not show an address that may carry a token", () => {
    const plan = planChange(defaultConfig, changedAt("supervisor.webhook"));
    expect(plan.changes[0]).toMatchObject({ before: null, after: "[REDACTED]" });
  });
});
