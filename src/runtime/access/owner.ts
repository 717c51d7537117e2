import type { KeyUse } from "./keys.ts";

/** Before the name of the API key that something belongs to; no client address begins so. */
const KEY_OWNER = "key ";

export function ownerOfKey(key: string): string {
  return `${KEY_OWNER}${key}`;
}

/** Returns the name of the key that an owner is; undefined for a client address. */
export function keyOf(owner: string): string | undefined {
  return owner.startsWith(KEY_OWNER) ? owner.slice(KEY_OWNER.length) : undefined;
}

/** Returns who owns what a request or session makes. */
export function ownerOf({
  client,
  use,
}: {
  readonly client: { readonly key: string };
  readonly use: KeyUse | undefined;
}): string {
  return use === undefined ? client.key : ownerOfKey(use.key);
}
