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

const HASH_BYTES = 32;
interface Entry {
  readonly hash: Uint8Array;
  /** Undefined fills a bucket up. */
  readonly key: StoredKey | undefined;
}

export function createKeyRing(): KeyRing {
  let buckets = bucketsOf([]);
  let byId = new Map<number, StoredKey>();
  return {
    find: (value) => {
      const hash = hashOf(value);
      let found: StoredKey | undefined;
      // All of the bucket, also behind a match.
      for (const entry of buckets[hash.readUInt32BE() % buckets.length] ?? []) {
        if (timingSafeEqual(entry.hash, hash)) found = entry.key;
      }
      return found;
    },
    get: (id) => byId.get(id),
    all: () => byId.values(),
    set: (keys) => {
      byId = new Map(keys.map((key) => [key.id, key]));
      buckets = bucketsOf(keys);
    },
  };
}

// ---

/** Buckets of equal size, so that every value is compared as often as every other. */
function bucketsOf(keys: readonly StoredKey[]): readonly (readonly Entry[])[] {
  const buckets = Array.from({ length: Math.max(1, keys.length) }, (): Entry[] => []);
  for (const key of keys) {
    const hash = Buffer.from(key.hash);
    if (hash.length === HASH_BYTES) buckets[hash.readUInt32BE() % buckets.length]?.push({ hash, key });
  }
  const depth = Math.max(1, ...buckets.map(({ length }) => length));
  for (const bucket of buckets) {
    while (bucket.length < depth) bucket.push({ hash: randomBytes(HASH_BYTES), key: undefined });
  }
  return buckets;
}
