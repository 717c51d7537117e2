import { describe, expect, it } from "vitest";
import { configSchema } from "../../../../src/config/schema/schema.ts";
import { settableKeys } from "../../../../src/config/schema/node.ts";
import { createSettings } from "../../../../src/runtime/lifecycle/settings.ts";
import { configWith } from "../../../support/runtime-server.ts";

describe("settings", () => {
  it("applies a change of live keys and tells its listeners", () => {
    const settings = createSettings(configWith());
    const seen: number[] = [];
    settings.onChange((config) => seen.push(config.limits.bodyBytes));
    const next = configWith({ limits: { bodyBytes: 1000 }, rateLimit: { perMinute: 5 }, log: { level: "debug" } });
    expect(settings.reload(next)).toEqual([]);
    expect(settings.current).toBe(next);
    expect(seen).toEqual([1000]);
  });

  it("refuses as a whole when one key needs a new process, and names it", () => {
    const before = configWith();
    const settings = createSettings(before);
    const next = configWith({ limits: { bodyBytes: 1000 }, server: { port: 1 }, engine: { workers: 9 } });
    expect(settings.reload(next)).toEqual(["server.port", "engine.workers"]);
    expect(settings.current).toBe(before);
  });

  it("lets the supervisor's and the renderer's own sections change freely", () => {
    const settings = createSettings(configWith());
    expect(settings.reload(configWith({ supervisor: { crashLimit: 99 }, deploy: { httpsPort: 8443 } }))).toEqual([]);
  });

  it("reads a configuration that went through JSON as equal", () => {
    const settings = createSettings(configWith());
    expect(settings.reload(JSON.parse(JSON.stringify(configWith())) as ReturnType<typeof configWith>)).toEqual([]); // a copy of its own type
  });

  it("takes every key that the schema calls live, and no other", () => {
    const before = configWith();
    for (const [key, node] of settableKeys(configSchema)) {
      const changed = structuredClone(before) as unknown as Record<string, unknown>; // mutable for this test
      replaceLeaf(changed, key.split("."));
      const settings = createSettings(before);
      const refused = settings.reload(changed as unknown as typeof before); // still every key
      const isForeign = key.startsWith("deploy.") || key.startsWith("supervisor.");
      expect(refused, key).toEqual(node["x-reload"] === "live" || isForeign ? [] : [key]);
    }
  });
});

/** Gives a resolved leaf another value; its name may carry a unit (`idleTimeout` → `idleTimeoutMs`). */
function replaceLeaf(section: Record<string, unknown>, [name, ...rest]: string[]): void {
  if (rest.length > 0) return replaceLeaf(section[name ?? ""] as Record<string, unknown>, rest); // a section of ours
  const resolved = Object.keys(section).find((key) => key === name || key === `${name}Ms` || key === `${name}Bytes`);
  if (resolved === undefined) throw new Error(`no leaf for ${name}`);
  section[resolved] = { changed: true };
}
