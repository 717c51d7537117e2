import type { LoadedConfig } from "../../../config/load.ts";
import type { CommandContext } from "../../command.ts";
import { ownerFor } from "../owner.ts";
import { secretsFolder } from "../paths.ts";
import { openSecretStore } from "../secret-store.ts";
import type { Answers } from "./answers.ts";
import type { Machine } from "./detect.ts";

/** Makes the first user or key where that is possible now; else what is left to be made, as words of `gigastt secrets create`. */
export async function firstSecret(
  context: CommandContext,
  answers: Answers,
  loaded: Pick<LoadedConfig, "config" | "path">,
  machine: Machine,
): Promise<{
  readonly secret?: { readonly kind: "user" | "key"; readonly name: string; readonly value: string };
  readonly missing?: string;
}> {
  const { firstName: name } = answers;
  if (name === undefined) return {};
  const kind = answers.auth === "basic" ? "user" : "key";
  // On a host the files belong to the proxy's user: only root can give them away, and only when the user exists.
  const proxyIsThere = answers.proxy !== "none" && machine[answers.proxy] !== undefined;
  const later = answers.target === "kubernetes" || (answers.target === "host" && (!machine.root || !proxyIsThere));
  if (later) return { missing: `${kind} ${name}` };
  const folder = secretsFolder(loaded, context.cwd, undefined);
  const store = await openSecretStore(folder, {
    now: () => new Date(),
    owner: await ownerFor(loaded.config, process.getuid?.()),
  });
  // Running init again keeps what there is.
  if (store.list().some((secret) => secret.kind === kind && secret.name === name)) return {};
  const value = kind === "user" ? await store.setUser(name) : await store.setKey(name);
  await store.save();
  return { secret: { kind, name, value: value.reveal() } };
}
