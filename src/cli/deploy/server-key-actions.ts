import type { LoadedConfig } from "../../config/load.ts";
import type { Secret } from "../../shared/secret.ts";
import type { CommandContext } from "../command.ts";
import { paintFor, table, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { describeRights, openServerKeys, requireKeyName, rightsFrom } from "./server-keys.ts";

/** Creates a key that the server checks, or gives it a new value, which is shown once. */
export async function changeServerKey(
  loaded: LoadedConfig,
  context: CommandContext,
  action: "create" | "rotate",
  name: string,
): Promise<number> {
  requireKeyName(name);
  const now = Date.now();
  const rights = rightsFrom(context, now);
  const keys = await openServerKeys(loaded, context);
  let value: Secret;
  try {
    value =
      action === "create"
        ? keys.create(name, rights, now)
        : keys.rotate(name, now, { keepOld: context.flags["keep-old"] === true });
  } finally {
    keys.close();
  }
  if (context.flags["json"] === true) {
    writeJson(context.stdout, { ok: true, kind: "key", name, value: value.reveal(), next: [] });
    return 0;
  }
  context.stdout.write(`${value.reveal()}\n`);
  context.stderr.write(
    `This is the key ${name}; send it as: Authorization: Bearer … It is not shown again. A running server accepts it within a second.\n`,
  );
  return 0;
}

/** Revokes a key that the server checks. */
export async function removeServerKey(loaded: LoadedConfig, context: CommandContext, name: string): Promise<number> {
  const keys = await openServerKeys(loaded, context);
  let isRemoved: boolean;
  try {
    isRemoved = keys.revoke(name);
  } finally {
    keys.close();
  }
  if (!isRemoved)
    throw new UsageError([`key ${name} does not exist; see: gigastt secrets list`], ["secrets", "delete"]);
  if (context.flags["json"] === true) writeJson(context.stdout, { ok: true, kind: "key", name, next: [] });
  else
    context.stderr.write(`${name} is revoked. A running server refuses it and ends its connections within a second.\n`);
  return 0;
}

/** Prints the keys that the server checks, with what they may do and did today. */
export async function listServerKeys(loaded: LoadedConfig, context: CommandContext): Promise<number> {
  const store = await openServerKeys(loaded, context);
  const now = Date.now();
  try {
    const used = store.usedOn(new Date(now).toISOString().slice(0, 10));
    const keys = store.list().map((key) => ({ ...key, usedTodayMs: used.get(key.id) ?? 0 }));
    if (context.flags["json"] === true) {
      writeJson(context.stdout, {
        secrets: keys.map((key) => ({ ...key, kind: "key", id: undefined, hash: undefined })),
      });
      return 0;
    }
    if (keys.length === 0) {
      context.stderr.write("No keys yet: every request is refused. Create one: gigastt secrets create key NAME\n");
      return 0;
    }
    const { dim } = paintFor(context.stdout, context);
    const rows = keys.map((key) => [
      "key",
      key.name,
      new Date(key.createdAtMs).toISOString().slice(0, 10),
      `${Math.round(key.usedTodayMs / 6000) / 10} min`,
      describeRights(key, now),
    ]);
    context.stdout.write(
      `${table([["kind", "name", "since", "today", "rights"].map((word) => dim(word)), ...rows])}\n`,
    );
    return 0;
  } finally {
    store.close();
  }
}
