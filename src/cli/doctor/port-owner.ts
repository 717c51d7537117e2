import { listeningSockets } from "../../shared/proc-net.ts";
import type { System } from "./system.ts";

/** `nginx (pid 12)` for the process that listens on a TCP port; undefined when it belongs to another user or cannot be told. Linux only. */
export function portOwner(port: number, system: Pick<System, "readText" | "list" | "readLink">): string | undefined {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"]
      .flatMap((file) => listeningSockets(system.readText(file) ?? ""))
      .flatMap((socket) => (socket.port === port && socket.inode !== "0" ? [socket.inode] : [])),
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
