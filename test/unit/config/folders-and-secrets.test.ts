import { isAbsolute } from "node:path";
import { describe, expect, it } from "vitest";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { loadBare } from "./_load.ts";

const keys = [...settableKeys(configSchema)];
const valueAt = (value: unknown, key: string): unknown =>
  key.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], value); // a key of the schema

describe("settings that name folders", () => {
  const folders = keys.filter(([, node]) => "format" in node && node.format === "path").map(([key]) => key);

  it.each(folders)("%s starts at the working directory of the command, wherever the server runs", async (key) => {
    const { config } = await loadBare({ overrides: { [key]: "some/folder" } });
    expect(valueAt(config, key)).toBe("/nonexistent/some/folder");
    expect(isAbsolute(String(valueAt(config, key)))).toBe(true);
  });

  it("are these", () => {
    expect(folders).toEqual(expect.arrayContaining(["model.dir", "supervisor.stateDir", "store.dir", "jobs.dir"]));
  });
});

const key = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
const EXAMPLES: readonly [format: string | undefined, values: readonly [string, string]][] = [
  ["webhook-secret", [key(1), key(2)]],
  ["redis-url", ["redis://:first@127.0.0.1:6379", "redis://:second@127.0.0.1:6379"]],
  ["webhook", ["https://example.com/first", "https://example.com/second"]],
];

describe("secrets", () => {
  const secrets = keys.filter(([, node]) => "x-secret" in node).map(([key, node]) => ({ key, node }));

  it.each(secrets)("$key does not show in the hash of the configuration", async ({ key, node }) => {
    // Values that every format of a secret takes: another password in an address, other bytes in a key.
    const values = EXAMPLES.find(([format]) => format === ("format" in node ? node.format : undefined))?.[1];
    if (values === undefined) throw new Error(`${key}: add two values of its format to this test`);
    const hashes = await Promise.all(
      values.map(async (value) => (await loadBare({ overrides: { [key]: value } })).hash),
    );
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe((await loadBare({})).hash);
  });

  it("are some", () => expect(secrets.length).toBeGreaterThan(2));
});
