import type { System } from "./system.ts";

/** `nginx (pid 12)` for the process that listens on a TCP port; undefined when it belongs to another user or cannot be told. Linux only. */
export function portOwner(port: number, system: Pick<System, "readText" | "list" | "readLink">): string | undefined {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listeningInodes(system.readText(file) ?? "", port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of system.list("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const fd of system.list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(system.readLink(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const name = system.readText(`/proc/${pid}/comm`)?.trim();
      return `${name === undefined || name === "" ? "a process" : name} (pid ${pid})`;
    }
  }
  return undefined;
}

/** Rows of /proc/net/tcp: `sl local_address rem_address st … inode`, the port in hexadecimal, state 0A = listening. */
function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(wanted) === true && fields[3] === "0A")
    .flatMap((fields) => (fields[9] === undefined || fields[9] === "0" ? [] : [fields[9]]));
}
