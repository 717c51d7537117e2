import { describe, expect, it } from "vitest";
import { LIVE_KEYS, changedKeys, createSettings } from "../../../src/runtime/settings.ts";
import { configWith } from "../../support/runtime-server.ts";

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
    const next = configWith({ limits: { bodyBytes: 1000 }, server: { port: 1 }, pool: { size: 9 } });
    expect(settings.reload(next)).toEqual(["server.port", "pool.size"]);
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

  it("names live keys that exist", () => {
    const config = configWith();
    const all = new Set(changedKeys(config, {}).concat(changedKeys(flatten(config), {})));
    for (const key of LIVE_KEYS) {
      const [section, name] = key.split(".");
      const value = config[section as keyof typeof config]; // checked on the next line
      expect(value, key).toBeDefined();
      if (name !== undefined) expect(value, key).toHaveProperty(name);
    }
    expect(all.size).toBeGreaterThan(0);
  });
});

function flatten(config: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).map(([name, section]) => [name, section]));
}
