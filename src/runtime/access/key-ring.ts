import { randomBytes, timingSafeEqual } from "node:crypto";
import { hashOf } from "../../store/keys.ts";
import type { StoredKey } from "../../store/keys.ts";

/** The keys in memory, found by the hash of their value. */
export interface KeyRing {
  /** Takes the same time for every value, known or not. */
  find(value: string): StoredKey | undefined;
  get(id: number): StoredKey | undefined;
  all(): Iterable<StoredKey>;
  /** Replaces all keys. */
  set(keys: readonly StoredKey[]): void;
}

export function createKeyRing(): KeyRing {
  let byHash = new Map<number, readonly StoredKey[]>();
  let byId = new Map<number, StoredKey>();
  // Compared where nothing was found, so that an unknown value costs one comparison too.
  const nothing: readonly Pick<StoredKey, "hash">[] = [{ hash: randomBytes(32) }];
  return {
    find: (value) => {
      const hash = hashOf(value);
      let found: StoredKey | undefined;
      for (const key of byHash.get(hash.readUInt32BE()) ?? nothing) {
        if (key.hash.length === hash.length && timingSafeEqual(key.hash, hash)) found = key as StoredKey; // `nothing` never equals
      }
      return found;
    },
    get: (id) => byId.get(id),
    all: () => byId.values(),
    set: (keys) => {
      byId = new Map(keys.map((key) => [key.id, key]));
      byHash = new Map();
      for (const key of keys) {
        const start = Buffer.from(key.hash).readUInt32BE();
        byHash.set(start, [...(byHash.get(start) ?? []), key]);
      }
    },
  };
}
