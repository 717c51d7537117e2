import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * One process, for good: a process id alone is reused by the system, so a pid file from before a reboot or a long
 * uptime may name a stranger.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal only for the same process. Linux: boot id and start tick; elsewhere: the start time as `ps` prints it. */
  readonly birth: string;
}

/** Returns the identity of a living process; undefined when there is none, or only a zombie of it. */
export function identify(pid: number): ProcessIdentity | undefined {
  const birth = process.platform === "linux" ? linuxBirth(pid) : psBirth(pid);
  return birth === undefined ? undefined : { pid, birth };
}

/** Returns true while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.birth === identity.birth;
}

/** Guards a value read from a file. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    Number.isInteger(value.pid) &&
    Number(value.pid) > 0 &&
    "birth" in value &&
    typeof value.birth === "string"
  );
}

// ---

let bootId: string | undefined;

function linuxBirth(pid: number): string | undefined {
  try {
    bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name (field 2) may hold spaces and parentheses: count from its last closing one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields[0];
    const startTicks = fields[19];
    if (state === "Z" || state === "X" || startTicks === undefined) return undefined;
    return `${bootId}:${startTicks}`;
  } catch {
    return undefined;
  }
}

function psBirth(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    const space = line.indexOf(" ");
    return line === "" || line.startsWith("Z") ? undefined : line.slice(space + 1).trim();
  } catch {
    return undefined;
  }
}
