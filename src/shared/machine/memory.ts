import { readFile } from "node:fs/promises";
import { freemem } from "node:os";
import { controlGroups, countOf, limitOf } from "./control-groups.ts";

/** A file's text; undefined when it cannot be read. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** How often the kernel killed something in our control group for memory; undefined where nothing counts it. */
export async function oomKillCount(read: ReadText = readOrUndefined): Promise<number | undefined> {
  const { unified, memory } = controlGroups(await read("/proc/self/cgroup"));
  // Our own group's counter alone: those above count our neighbours too. Without a namespace only the root of the mount exists.
  const files = [
    ...unified.map((folder) => `${folder}/memory.events`),
    ...memory.map((folder) => `${folder}/memory.oom_control`),
  ];
  for (const file of files) {
    const count = countOf(await read(file), "oom_kill");
    if (count !== undefined) return count;
  }
  return undefined;
}

/** Memory a new process could take: the control group's remainder or the machine's, whichever is less. Bytes. */
export async function availableMemoryBytes(read: ReadText = readOrUndefined): Promise<number> {
  const availableKib = /^MemAvailable:\s+(\d+) kB$/m.exec((await read("/proc/meminfo")) ?? "")?.[1];
  const machine = availableKib === undefined ? freemem() : Number(availableKib) * 1024;
  const group = await groupMemory(read);
  return group === undefined ? machine : Math.min(machine, Math.max(0, group.limitBytes - group.usedBytes));
}

/**
 * Limit and use of the control group with the least left: our own or one above it. Cached file pages that the kernel gives back
 * before it kills anybody do not count as used. Undefined without a limit.
 */
export async function groupMemory(
  read: ReadText = readOrUndefined,
): Promise<{ readonly limitBytes: number; readonly usedBytes: number } | undefined> {
  const { unified, memory } = controlGroups(await read("/proc/self/cgroup"));
  let tightest: { readonly limitBytes: number; readonly usedBytes: number } | undefined;
  const look = async (folder: string, names: GroupFiles): Promise<void> => {
    const limitBytes = limitOf(await read(`${folder}/${names.limit}`));
    const used = limitOf(await read(`${folder}/${names.used}`));
    // Version 1 writes "no limit" as a number beyond every machine.
    if (limitBytes === undefined || limitBytes > MAX_LIMIT_BYTES || used === undefined) return;
    const usedBytes = Math.max(0, used - (countOf(await read(`${folder}/memory.stat`), names.reclaimable) ?? 0));
    if (tightest === undefined || limitBytes - usedBytes < tightest.limitBytes - tightest.usedBytes)
      tightest = { limitBytes, usedBytes };
  };
  for (const folder of unified) await look(folder, UNIFIED_FILES);
  for (const folder of memory) await look(folder, VERSION_1_FILES);
  return tightest;
}

/** Resident memory of a process in bytes; undefined when it cannot be read. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec((await readOrUndefined(`/proc/${pid}/status`)) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

// ---

interface GroupFiles {
  readonly limit: string;
  readonly used: string;
  /** The key in `memory.stat`. */
  readonly reclaimable: string;
}

const UNIFIED_FILES: GroupFiles = { limit: "memory.max", used: "memory.current", reclaimable: "inactive_file" };
const VERSION_1_FILES: GroupFiles = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  reclaimable: "total_inactive_file",
};
const MAX_LIMIT_BYTES = 2 ** 60;

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
