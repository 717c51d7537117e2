import { expect, it } from "vitest";
import { ASSUME_KEYS, createAssumptions } from "../../../../src/audit/model/assume.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import { settableKeys } from "../../../../src/config/schema/node.ts";
import { configSchema } from "../../../../src/config/schema/schema.ts";

it("assumes the product's own defaults, under names of the configuration", () => {
  const assume = createAssumptions({});
  expect(assume.number("limits.minUploadKbps")).toBe(defaultConfig.limits.minUploadKbps);
  expect(assume.number("pool.queue")).toBe(defaultConfig.pool.queue);
  expect(assume.number("session.idleTimeout")).toBe(defaultConfig.session.idleTimeoutMs);
  expect(assume.list("deploy.publicPaths")).toEqual(defaultConfig.deploy.publicPaths);
  expect(assume.text("deploy.tls.mode")).toBeUndefined();
  const known = new Set([...settableKeys(configSchema).keys(), "gpu", "upstream"]);
  expect(Object.keys(ASSUME_KEYS).filter((key) => !known.has(key))).toEqual([]);
});
