/** Before the name of the API key that a job belongs to; no client address begins so. */
const KEY_OWNER = "key ";

export function ownerOfKey(key: string): string {
  return `${KEY_OWNER}${key}`;
}

/** Returns the name of the key that an owner is; undefined for a client address. */
export function keyOf(owner: string): string | undefined {
  return owner.startsWith(KEY_OWNER) ? owner.slice(KEY_OWNER.length) : undefined;
}
