import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A control group of its own whose memory the kernel bounds by killing. */
export interface MemoryLimit {
  /** Moves a process into it. What it holds already is not counted, only what it takes from now on. */
  holdTo(pid: number, bytes: number): void;
  /** Bounds it, and returns what to put before a command so that it runs in it from the start. */
  command(bytes: number): readonly string[];
  /** What its processes hold of their own, without the pages of files. */
  ownBytes(): number;
  /** Processes the kernel killed in it. */
  kills(): number;
  remove(): Promise<void>;
}

const V1 = "/sys/fs/cgroup/memory";
const V2 = "/sys/fs/cgroup";
const isV2 = existsSync(join(V2, "cgroup.controllers"));
const base = isV2 ? V2 : V1;

/** Why no limit can be made here; undefined when it can. */
export function memoryLimitProblem(): string | undefined {
  if (process.platform !== "linux") return "control groups are Linux's";
  try {
    accessSync(base, constants.W_OK);
    if (isV2 && !readFileSync(join(V2, "cgroup.subtree_control"), "utf8").includes("memory")) {
      return "the memory controller is not handed down here";
    }
    const probe = join(base, `gigastt-probe-${process.pid}`);
    mkdirSync(probe);
    const works = existsSync(join(probe, isV2 ? "memory.max" : "memory.limit_in_bytes"));
    rmdirSync(probe);
    return works ? undefined : "control groups have no memory limit here";
  } catch {
    return "no control group can be made here";
  }
}

let made = 0;

export function createMemoryLimit(): MemoryLimit {
  const dir = join(base, `gigastt-test-${process.pid}-${++made}`);
  mkdirSync(dir);
  const write = (name: string, value: number): void => writeFileSync(join(dir, name), String(value));
  const bound = (bytes: number): void => {
    if (isV2) {
      write("memory.max", bytes);
      if (existsSync(join(dir, "memory.swap.max"))) write("memory.swap.max", 0);
    } else {
      write("memory.limit_in_bytes", bytes);
      if (existsSync(join(dir, "memory.memsw.limit_in_bytes"))) write("memory.memsw.limit_in_bytes", bytes);
    }
  };
  return {
    holdTo(pid, bytes) {
      bound(bytes);
      write("cgroup.procs", pid);
    },
    command(bytes) {
      bound(bytes);
      return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', join(dir, "cgroup.procs")];
    },
    ownBytes() {
      const text = readFileSync(join(dir, "memory.stat"), "utf8");
      return Number((isV2 ? /^anon (\d+)$/m : /^total_rss (\d+)$/m).exec(text)?.[1] ?? 0);
    },
    kills() {
      const text = readFileSync(join(dir, isV2 ? "memory.events" : "memory.oom_control"), "utf8");
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
    },
    async remove() {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          rmdirSync(dir);
          return;
        } catch {
          await sleep(100);
        }
      }
    },
  };
}
