import { mkdtempSync, readFileSync, rmSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { hashOf, openKeyStore } from "../../../src/store/keys.ts";
import type { KeyStore } from "../../../src/store/keys.ts";

const folders: string[] = [];
const stores: KeyStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function place(): string {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-keys-"));
  folders.push(dir);
  return join(dir, "keys.sqlite");
}

function start(path = place()): KeyStore {
  const store = openKeyStore(path);
  stores.push(store);
  return store;
}

describe("the store of API keys", () => {
  it("keeps rights and a hash, and the value nowhere", () => {
    const path = place();
    const store = start(path);
    const rights = { scopes: ["live", "metrics"] as const, concurrent: 2, audioMinutesPerDay: 1.5, expiresAtMs: 99 };
    const value = store.create("laptop", rights, 7).reveal();
    expect(value).toMatch(/^gst_[0-9a-f]{64}$/);
    expect(store.list()).toEqual([
      {
        id: 1,
        name: "laptop",
        createdAtMs: 7,
        ...rights,
        requestsPerMinute: undefined,
        hash: new Uint8Array(hashOf(value)),
      },
    ]);
    for (const name of readdirSync(join(path, "..")))
      expect(readFileSync(join(path, "..", name)).includes(value.slice(4)), name).toBe(false);
  });

  it("names a key once", () => {
    const store = start();
    store.create("laptop", { scopes: ["live"] }, 1);
    expect(() => store.create("laptop", { scopes: ["live"] }, 1)).toThrow(
      /already exists.*gigastt secrets rotate key laptop/,
    );
    expect(() => store.rotate("other", 1)).toThrow(/there is no key other/);
    expect([store.revoke("laptop"), store.revoke("laptop")]).toEqual([true, false]);
    expect(store.list()).toEqual([]);
  });

  it("gives a key a new value; the old one works on as NAME-old when asked", () => {
    const store = start();
    const first = store.create("laptop", { scopes: ["live"], concurrent: 3 }, 1).reveal();
    store.addUse("2026-11-28", new Map([[1, 5000]]));
    const second = store.rotate("laptop", 2).reveal();
    const third = store.rotate("laptop", 3, { keepOld: true }).reveal();
    expect(new Set([first, second, third]).size).toBe(3);
    const keys = store.list();
    expect(keys.map(({ name, concurrent }) => [name, concurrent])).toEqual([
      ["laptop", 3],
      ["laptop-old", 3],
    ]);
    expect(keys.map(({ hash }) => Buffer.from(hash).toString("hex"))).toEqual([
      hashOf(third).toString("hex"),
      hashOf(second).toString("hex"),
    ]);
    // Rotating does not give new minutes.
    expect(keys.map(({ id }) => store.usedOn("2026-11-28").get(id))).toEqual([5000, 5000]);
    store.rotate("laptop", 4, { keepOld: true });
    expect(store.list()).toHaveLength(2);
  });

  it("adds up what two processes count, by day, and forgets deleted keys and old days", () => {
    const path = place();
    const [one, two] = [start(path), start(path)];
    one.create("a", { scopes: ["live"] }, 1);
    one.create("b", { scopes: ["live"] }, 1);
    one.addUse("2026-09-01", new Map([[1, 1]]));
    one.addUse("2026-11-28", new Map([[1, 1000]]));
    two.addUse(
      "2026-11-28",
      new Map([
        [1, 500.4],
        [2, 7],
        [99, 1],
      ]),
    );
    expect([...one.usedOn("2026-11-28")]).toEqual([
      [1, 1500],
      [2, 7],
    ]);
    expect(one.usedOn("2026-09-01").size).toBe(0);
    const before = one.dataVersion();
    two.revoke("a");
    expect(one.dataVersion()).not.toBe(before);
    expect([...one.usedOn("2026-11-28")]).toEqual([[2, 7]]);
    one.addUse("2026-11-28", new Map([[1, 1]]));
    expect([...start(path).usedOn("2026-11-28")]).toEqual([[2, 7]]);
  });
});
