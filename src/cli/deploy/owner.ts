import { chown } from "node:fs/promises";
import { readerOf, type User } from "../../render/deployed/reader.ts";
import type { ResolvedConfig } from "../../config/types.ts";

/**
 * The user new secret files are given to: only root can give files away, and in a compose project the init step does it.
 * undefined = they stay with the user that runs the command.
 */
export async function ownerFor(config: ResolvedConfig, uid: number | undefined): Promise<User | undefined> {
  return uid === 0 ? readerOf(config) : undefined;
}

/** Hands files over; does nothing without an owner. */
export async function give(paths: readonly string[], owner: User | undefined): Promise<void> {
  if (owner === undefined) return;
  for (const path of paths) await chown(path, owner.uid, owner.gid);
}
