import type { Problem } from "../../audit/observe/verdict.ts";
import { isLoopbackAddress, listeningSockets } from "../../shared/machine/proc-net.ts";
import type { Machine } from "../machine.ts";

/** A listening TCP socket. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** `nginx (pid 12)`; undefined when it belongs to another user. */
  readonly process: string | undefined;
}

/** Listening sockets of this machine with their processes; undefined where /proc does not show them. */
export function readListeners(
  machine: Pick<Machine, "readText" | "list" | "readLink">,
): readonly Listener[] | undefined {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => machine.readText(path));
  if (tables.every((table) => table === undefined)) return undefined;
  const found = tables.flatMap((table) => listeningSockets(table ?? ""));
  const owners = ownersOf(machine, new Set(found.map(({ inode }) => inode)));
  return found.map(({ address, port, inode }) => ({ address, port, process: owners.get(inode) }));
}

/** Where a listener is to be. */
export interface PlannedListener {
  /** Section of the configuration. */
  readonly section: string;
  readonly host: string;
  readonly port: number;
}

/** What is wrong with the sockets on a listener's port: another program, or wider than the configuration says. */
export function portProblems(listeners: readonly Listener[], plan: PlannedListener): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { address, port, process } of listeners) {
    // The container engine's own proxy: GA-HST-003 checks it.
    if (port !== plan.port || process?.startsWith("docker-proxy") === true) continue;
    const socket = {
      place: "/proc/net/tcp",
      evidence: `${hostPort(address, port)} held by ${process ?? "a process of another user"}`,
    };
    if (process !== undefined && !/^(?:node|gigastt|MainThread)\b/.test(process))
      problems.push({ ...socket, severity: "warning", ...portTaken(hostPort(address, port), process, plan.section) });
    else if (isLoopbackAddress(plan.host) && isOpen(address))
      problems.push({
        ...socket,
        message: `the server listens on ${hostPort(address, port)}, although ${plan.section}.host is ${plan.host}`,
        fix: "Restart it with this configuration: gigastt restart. Look for --host and --allow-bind-any where it is started.",
      });
  }
  return problems;
}

/** The sentence and the cure for the server's port in use by another program. */
export function portTaken(
  address: string,
  owner: string | undefined,
  section: string,
): Pick<Problem, "message" | "fix"> {
  const port = address.slice(address.lastIndexOf(":") + 1);
  return {
    message: `${address} is in use by ${owner ?? "another program"}`,
    fix: `Stop it, or set ${section}.port to another one.${owner === undefined ? ` To see which: sudo ss -ltnp 'sport = :${port}'` : ""}`,
  };
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::" || address === "[::]" || address === "*";
}

/** Reachable from the network: the wildcard, or an address that is not loopback. */
export function isOpen(address: string): boolean {
  return isWildcard(address) || !isLoopbackAddress(address);
}

export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

// ---

/** Socket number → `nginx (pid 12)`, as far as the processes may be read. */
function ownersOf(
  machine: Pick<Machine, "readText" | "list" | "readLink">,
  inodes: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const pid of machine.list("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const fd of machine.list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(machine.readLink(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue;
      owners.set(inode, `${machine.readText(`/proc/${pid}/comm`)?.trim() || "a process"} (pid ${pid})`);
    }
  }
  return owners;
}
