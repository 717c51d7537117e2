import { describe, expect, it } from "vitest";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { settableKeys } from "../../../src/config/node.ts";
import { resolvedValue } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { audit } from "../../../src/config/sections/audit.ts";
import { deploy } from "../../../src/config/sections/deploy.ts";
import { engine } from "../../../src/config/sections/engine.ts";
import { limits } from "../../../src/config/sections/limits.ts";
import { log } from "../../../src/config/sections/log.ts";
import { metrics } from "../../../src/config/sections/metrics.ts";
import { model } from "../../../src/config/sections/model.ts";
import { pool } from "../../../src/config/sections/pool.ts";
import { rateLimit } from "../../../src/config/sections/rate-limit.ts";
import { server } from "../../../src/config/sections/server.ts";
import { session } from "../../../src/config/sections/session.ts";
import { shutdown } from "../../../src/config/sections/shutdown.ts";
import { stream } from "../../../src/config/sections/stream.ts";
import { supervisor } from "../../../src/config/sections/supervisor.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";

const sections = {
  server,
  limits,
  pool,
  session,
  rateLimit,
  shutdown,
  model,
  engine,
  stream,
  metrics,
  log,
  supervisor,
  deploy,
  audit,
} as const;

// The type that the resolver makes of a schema, computed from the schema's literals.
type UnitSuffix<N> = N extends { readonly "x-unit": "duration" }
  ? "Ms"
  : N extends { readonly "x-unit": "bytes" }
    ? "Bytes"
    : N extends { readonly type: "array"; readonly items: infer I }
      ? UnitSuffix<I>
      : "";
type Scalar<N, T> = N extends { readonly "x-unit": string }
  ? number
  : N extends { readonly enum: readonly (infer E)[] }
    ? E
    : T extends "string"
      ? string
      : T extends "integer" | "number"
        ? number | (N extends { readonly "x-auto": true } ? "auto" : never)
        : boolean;
type Value<N> = N extends { readonly properties: infer P }
  ? { readonly [K in keyof P & string as `${K}${UnitSuffix<P[K]>}`]: Value<P[K]> }
  : N extends { readonly additionalProperties: infer V }
    ? Readonly<Record<string, Value<V>>>
    : N extends { readonly type: "array"; readonly items: infer I }
      ? readonly Value<I>[]
      : N extends { readonly type: readonly [infer T, "null"] }
        ? Scalar<N, T> | undefined
        : N extends { readonly type: infer T }
          ? Scalar<N, T>
          : never;
type FromSchema = { readonly [K in keyof typeof sections]: Value<(typeof sections)[K]> };
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends readonly (infer I)[]
  ? readonly Flat<I>[]
  : T extends object
    ? { [K in keyof T]: Flat<T[K]> }
    : T;

// Checked by the compiler: a key, unit or choice that differs between schema and types.ts makes this line an error.
const sameShape: Equal<Flat<FromSchema>, Flat<ResolvedConfig>> = true;

describe("schema and resolved type", () => {
  it("have the same shape, proved by the compiler over every section of the schema", () => {
    expect(sameShape).toBe(true);
    expect(Object.keys(configSchema.properties)).toEqual(Object.keys(sections));
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
