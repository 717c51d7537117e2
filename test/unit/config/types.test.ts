import { describe, expect, it } from "vitest";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import type { Resolved } from "../../../src/config/schema/from-schema.ts";
import { resolveSection, resolvedValue } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";

const described = { title: "t", description: "d" } as const;
/** One key of every kind that a schema can hold. */
const everyKind = {
  ...described,
  type: "object",
  properties: {
    text: { ...described, type: "string", default: "a" },
    count: { ...described, type: "integer", default: 1 },
    flag: { ...described, type: "boolean", default: true },
    choice: { ...described, type: "string", enum: ["on", "off"], default: "on" },
    absent: { ...described, type: ["number", "null"], default: null },
    automatic: { ...described, type: "integer", "x-auto": true, default: "auto" },
    wait: { ...described, type: "string", "x-unit": "duration", default: "2s" },
    room: { ...described, type: ["string", "null"], "x-unit": "bytes", default: "1KiB" },
    waits: {
      ...described,
      type: "array",
      items: { ...described, type: "string", "x-unit": "duration" },
      default: ["1s"],
    },
    inner: {
      ...described,
      type: "object",
      properties: { names: { ...described, type: "array", items: { ...described, type: "string" }, default: ["x"] } },
    },
    map: {
      ...described,
      type: "object",
      additionalProperties: { ...described, type: "boolean" },
      default: { a: true },
    },
  },
} as const;

describe("types derived from the schema", () => {
  it("are what the resolver makes of every kind of key", () => {
    // Checked by the compiler in both directions: as values of the computed type, and as a type that takes the computed one.
    const values: Resolved<typeof everyKind> = {
      text: "a",
      count: 1,
      flag: true,
      choice: "on",
      absent: undefined,
      automatic: "auto",
      waitMs: 2000,
      roomBytes: 1024,
      waitsMs: [1000],
      inner: { names: ["x"] },
      map: { a: true },
    };
    const exact: Equal<Resolved<typeof everyKind>["choice"], "on" | "off"> = true;
    const auto: Equal<Resolved<typeof everyKind>["automatic"], number | "auto"> = true;
    const none: Equal<Resolved<typeof everyKind>["absent"], number | undefined> = true;
    const lists: Equal<Resolved<typeof everyKind>["waitsMs"], readonly number[]> = true;
    expect([exact, auto, none, lists]).toEqual([true, true, true, true]);
    expect(resolveSection(everyKind, {})).toEqual(values);
  });

  it("name the keys and sections of the real schema", () => {
    const idle: Equal<ResolvedConfig["session"]["idleTimeoutMs"], number> = true;
    const workers: Equal<ResolvedConfig["engine"]["workers"], number | "auto"> = true;
    const auth: Equal<
      ResolvedConfig["deploy"]["auth"]["kind"],
      "none" | "basic" | "keys" | "forward" | "mtls" | "server"
    > = true;
    const dir: Equal<ResolvedConfig["model"]["dir"], string | undefined> = true;
    expect([idle, workers, auth, dir]).toEqual([true, true, true, true]);
    expect(Object.keys(defaultConfig)).toEqual(Object.keys(configSchema.properties));
  });

  it("come with a reload class for every key: what a change does is never left to the default", () => {
    for (const [key, node] of settableKeys(configSchema)) expect(node["x-reload"], key).toBeDefined();
  });

  it("gives every key a default that the resolved configuration holds in its unit", () => {
    for (const [key, node] of settableKeys(configSchema)) {
      expect(node.default, key).toBeDefined();
      const value = resolvedValue(configSchema, defaultConfig, key.split("."));
      if (node.default === null) expect(value, key).toBeUndefined();
      else expect(value, key).toBeDefined();
    }
    expect(defaultConfig.session.idleTimeoutMs).toBe(300_000);
    expect(defaultConfig.limits.bodyBytes).toBe(52_428_800);
  });

  it("is frozen to the last leaf", () => {
    const thawed: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) thawed.push(path);
      for (const [name, child] of Object.entries(value)) visit(child, `${path}.${name}`);
    };
    visit(defaultConfig, "config");
    expect(thawed).toEqual([]);
  });
});

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
