/** The folders of a process's control groups, its own first, then each parent up to the root of the hierarchy. */
export interface ControlGroups {
  /** Of the unified hierarchy (version 2); empty where only version 1 is mounted. */
  readonly unified: readonly string[];
  /** Of version 1's memory controller. */
  readonly memory: readonly string[];
  /** Of version 1's processor controller. */
  readonly cpu: readonly string[];
}

/**
 * Reads `/proc/self/cgroup`. In a container with a namespace of its own the path is `/`; in one without, the path may not exist below
 * its mount: then only the root of the list does, and it is the container's own group.
 */
export function controlGroups(procSelfCgroup: string | undefined): ControlGroups {
  const found = { unified: [] as readonly string[], memory: [] as readonly string[], cpu: [] as readonly string[] };
  for (const line of (procSelfCgroup ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const names = controllers.split(",");
    if (controllers === "") found.unified = upwards("/sys/fs/cgroup", path);
    if (names.includes("memory")) found.memory = upwards("/sys/fs/cgroup/memory", path);
    if (names.includes("cpu")) found.cpu = upwards("/sys/fs/cgroup/cpu", path);
  }
  return found;
}

/** Returns a limit file's number; undefined for `max` and for anything but a positive number. */
export function limitOf(text: string | undefined): number | undefined {
  const value = Number(text?.trim() || Number.NaN);
  return value > 0 ? value : undefined;
}

/** Returns the number after a key in a file of `key number` lines (`memory.events`, `memory.stat`, `memory.oom_control`). */
export function countOf(text: string | undefined, key: string): number | undefined {
  const line = text?.split("\n").find((one) => one.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

// ---

function upwards(root: string, path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return [...parts.map((_, index) => `${root}/${parts.slice(0, parts.length - index).join("/")}`), root];
}
