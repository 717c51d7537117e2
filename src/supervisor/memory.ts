import { readFile } from "node:fs/promises";
import { freemem, totalmem } from "node:os";

/** How often the kernel killed something in our control group for memory; undefined where nothing counts it. */
export async function oomKillCount(groups: readonly string[] | undefined = undefined): Promise<number | undefined> {
  let total: number | undefined;
  for (const file of groups ?? (await oomCounterFiles())) {
    const text = await readOrUndefined(file);
    const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
    if (count !== undefined) total = (total ?? 0) + Number(count);
  }
  return total;
}

/** Memory a new process could take: the control group's remainder or the machine's, whichever is less. Bytes. */
export async function availableMemoryBytes(): Promise<number> {
  const meminfo = await readOrUndefined("/proc/meminfo");
  const availableKib = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo ?? "")?.[1];
  const machine = availableKib === undefined ? freemem() : Number(availableKib) * 1024;
  const group = await groupMemory();
  return group === undefined ? machine : Math.min(machine, Math.max(0, group.limitBytes - group.usedBytes));
}

/** Limit and use of our control group, when it has a limit below the machine's memory. */
export async function groupMemory(): Promise<{ readonly limitBytes: number; readonly usedBytes: number } | undefined> {
  for (const [limit, used] of [
    ["memory.max", "memory.current"],
    ["memory.limit_in_bytes", "memory.usage_in_bytes"],
  ] as const) {
    for (const dir of await memoryGroupDirs()) {
      const limitBytes = Number((await readOrUndefined(`${dir}/${limit}`)) ?? Number.NaN);
      const usedBytes = Number((await readOrUndefined(`${dir}/${used}`)) ?? Number.NaN);
      if (limitBytes > 0 && limitBytes < totalmem() && usedBytes >= 0) return { limitBytes, usedBytes };
    }
  }
  return undefined;
}

/** Resident memory of a process in bytes; undefined when it cannot be read. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec((await readOrUndefined(`/proc/${pid}/status`)) ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

// ---

async function oomCounterFiles(): Promise<readonly string[]> {
  const dirs = await memoryGroupDirs();
  return dirs.flatMap((dir) => [`${dir}/memory.events`, `${dir}/memory.oom_control`]);
}

/** Directories of our memory control group: the unified hierarchy and the older one, whichever exists. */
async function memoryGroupDirs(): Promise<readonly string[]> {
  const text = (await readOrUndefined("/proc/self/cgroup")) ?? "";
  const dirs: string[] = [];
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const sub = path === "/" ? "" : path;
    if (controllers === "") dirs.push(`/sys/fs/cgroup${sub}`);
    else if (controllers?.split(",").includes("memory") === true)
      dirs.push(`/sys/fs/cgroup/memory${sub}`, "/sys/fs/cgroup/memory");
  }
  return dirs;
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
