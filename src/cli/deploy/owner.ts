import { chown, readFile } from "node:fs/promises";
import type { ResolvedConfig } from "../../config/types.ts";

/** A user of this machine. */
export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user the proxy's processes read their secrets as. */
export function proxyUser(config: ResolvedConfig): string | undefined {
  return { none: undefined, caddy: "caddy", nginx: "www-data" }[config.deploy.proxy.kind];
}

/** Looks a user up in /etc/passwd; undefined when there is none. */
export async function findUser(name: string): Promise<Owner | undefined> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/**
 * The user new secret files are given to: only root can give files away, and in a compose project the init step does it.
 * undefined = they stay with whoever runs the command.
 */
export async function ownerFor(config: ResolvedConfig, uid: number | undefined): Promise<Owner | undefined> {
  const name = proxyUser(config);
  if (uid !== 0 || name === undefined || config.deploy.target !== "host") return undefined;
  const { supervisor, deploy } = config;
  // A proxy that the supervisor runs is the service's user, where there is one.
  const service = supervisor.proxy.managed ? await findUser(deploy.systemd.user) : undefined;
  return service ?? findUser(name);
}

/** Hands files over; does nothing without an owner. */
export async function give(paths: readonly string[], owner: Owner | undefined): Promise<void> {
  if (owner === undefined) return;
  for (const path of paths) await chown(path, owner.uid, owner.gid);
}
