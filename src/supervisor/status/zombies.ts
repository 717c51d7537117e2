import { readdirSync, readFileSync } from "node:fs";

/**
 * Counts zombie processes. Orphans of a container become children of its process 1, and Node collects
 * only what it started itself. Undefined unless we are process 1 on Linux: elsewhere the init does it.
 */
export function uncollectedProcesses(pid: number = process.pid): number | undefined {
  if (pid !== 1 || process.platform !== "linux") return undefined;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter(isUncollected).length;
}

// ---

function isUncollected(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name (field 2) may hold spaces and parentheses: count from its last closing one.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" && parent === "1";
  } catch {
    // Gone in between.
    return false;
  }
}
