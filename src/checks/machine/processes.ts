import type { Machine } from "../machine.ts";

/** Ids of all visible processes. */
export function pids(machine: Pick<Machine, "list">): readonly string[] {
  return machine.list("/proc").filter((name) => /^\d+$/.test(name));
}

/** Resident memory of the running server, its supervisor and their children, bytes. */
export function ownMemoryBytes(machine: Pick<Machine, "list" | "readText">): number {
  let total = 0;
  for (const pid of pids(machine)) {
    const words = (machine.readText(`/proc/${pid}/cmdline`) ?? "").split("\0").filter((word) => word !== "");
    if (!isServerCommand(words)) continue;
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(machine.readText(`/proc/${pid}/status`) ?? "")?.[1];
    total += Number(kib ?? 0) * 1024;
  }
  return total;
}

/** `gigastt serve` or `up`, and the children they start, by their command line. */
export function isServerCommand(words: readonly string[]): boolean {
  if (!/(?:^|\/)(?:node|gigastt)$/.test(words[0] ?? "")) return false;
  return words.some((word, i) => {
    const isProgram = /(?:^|\/)gigastt(?:\.js)?$/.test(word);
    const isChild = /\/dist\/(?:runtime|supervisor|engine)\/[\w/-]+\.js$/.test(word);
    return (isProgram && /^(?:up|serve)$/.test(words[i + 1] ?? "")) || isChild;
  });
}
