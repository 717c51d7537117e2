import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Returns the user that the proxy reads its secrets as; undefined without a proxy. */
function proxyUser(config: ResolvedConfig): string | undefined {
  // HAProxy reads its files as root before it changes to its own user; Traefik comes without a unit and a user.
  return { none: undefined, caddy: "caddy", nginx: "www-data", haproxy: undefined, traefik: undefined }[
    config.deploy.proxy.kind
  ];
}

/** Looks a user up in /etc/passwd; undefined when there is none. */
export async function findUser(name: string): Promise<User | undefined> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Returns the user that must be able to read the secrets of a deployment on this host; undefined where it is not known. */
export async function readerOf(config: ResolvedConfig): Promise<User | undefined> {
  const name = proxyUser(config);
  if (name === undefined || config.deploy.target !== "host") return undefined;
  // A proxy that the supervisor runs is the service's user, where there is one.
  const service = config.supervisor.proxy.managed ? await findUser(config.deploy.systemd.user) : undefined;
  return service ?? findUser(name);
}

/** Returns the first path on the way to a file that mode and owner keep from a user; undefined when it can read the file. */
export async function obstacleFor(user: User, path: string): Promise<string | undefined> {
  if (user.uid === 0) return undefined;
  const groups = await groupsOf(user);
  const allows = async (at: string, bit: number): Promise<boolean> => {
    const found = await stat(at).catch(() => undefined);
    if (found === undefined) return true;
    const shift = found.uid === user.uid ? 6 : groups.has(found.gid) ? 3 : 0;
    return ((found.mode >> shift) & bit) !== 0;
  };
  const folders: string[] = [];
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) folders.unshift(at);
  for (const folder of folders) if (!(await allows(folder, 1))) return folder;
  return (await allows(path, 4)) ? undefined : path;
}

// ---

async function groupsOf({ name, gid }: User): Promise<ReadonlySet<number>> {
  const text = await readFile("/etc/group", "utf8").catch(() => "");
  const rows = text.split("\n").map((line) => line.split(":"));
  const more = rows
    .filter(([, , , members]) => members?.split(",").includes(name) === true)
    .map(([, , id]) => Number(id));
  return new Set([gid, ...more]);
}
