import { describe, expect, it } from "vitest";
import { readMachineLimits } from "../../../../src/shared/machine/machine-limits.ts";
import { availableMemoryBytes, groupMemory, oomKillCount } from "../../../../src/shared/machine/memory.ts";

/** Files as recorded on such systems, shortened to the lines that matter. */
const MIB = 2 ** 20;
const meminfo = { "/proc/meminfo": "MemTotal:       16303432 kB\nMemFree: 100 kB\nMemAvailable:    8388608 kB\n" };
const layouts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "version 2, a container with a namespace": {
    ...meminfo,
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cpu.max": "150000 100000\n",
    "/sys/fs/cgroup/memory.max": "536870912\n",
    "/sys/fs/cgroup/memory.current": "419430400\n",
    "/sys/fs/cgroup/memory.stat": "anon 209715200\nfile 188743680\ninactive_file 104857600\nactive_file 83886080\n",
    "/sys/fs/cgroup/memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n",
  },
  "version 2, a systemd service limited by its slice": {
    ...meminfo,
    "/proc/self/cgroup": "0::/system.slice/gigastt.service\n",
    "/sys/fs/cgroup/system.slice/gigastt.service/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/system.slice/gigastt.service/memory.max": "max\n",
    "/sys/fs/cgroup/system.slice/gigastt.service/memory.current": "209715200\n",
    "/sys/fs/cgroup/system.slice/gigastt.service/memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
    "/sys/fs/cgroup/system.slice/cpu.max": "50000 100000\n",
    "/sys/fs/cgroup/system.slice/memory.max": "1073741824\n",
    "/sys/fs/cgroup/system.slice/memory.current": "943718400\n",
    "/sys/fs/cgroup/system.slice/memory.stat": "anon 943718400\ninactive_file 0\n",
    "/sys/fs/cgroup/system.slice/memory.events": "low 0\nhigh 0\nmax 9\noom 7\noom_kill 7\n",
  },
  "version 2 without a memory controller": {
    ...meminfo,
    "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n",
  },
  "version 1, Docker without a namespace: the path is the host's, the mount our own": {
    ...meminfo,
    "/proc/self/cgroup": "12:cpu,cpuacct:/docker/4f1d\n4:memory:/docker/4f1d\n1:name=systemd:/docker/4f1d\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "805306368\n",
    "/sys/fs/cgroup/memory/memory.stat": "cache 1\ninactive_file 1\ntotal_inactive_file 268435456\n",
    "/sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
  },
  "version 1, a service in its own group": {
    ...meminfo,
    "/proc/self/cgroup": "4:memory:/system.slice/gigastt.service\n",
    "/sys/fs/cgroup/memory/system.slice/gigastt.service/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/memory/system.slice/gigastt.service/memory.usage_in_bytes": "209715200\n",
    "/sys/fs/cgroup/memory/system.slice/gigastt.service/memory.oom_control":
      "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    "/sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 41\n",
  },
  "no control groups at all": { ...meminfo },
};

const of = (name: string): Readonly<Record<string, string>> => layouts[name] ?? {};
const reader =
  (name: string) =>
  (path: string): Promise<string | undefined> =>
    Promise.resolve(of(name)[path]);

describe("control groups as recorded", () => {
  it.each([
    ["version 2, a container with a namespace", 212, 1, 1.5, 512],
    ["version 2, a systemd service limited by its slice", 124, 0, 0.5, 1024],
    ["version 2 without a memory controller", 8192, undefined, 8, 16_384],
    ["version 1, Docker without a namespace: the path is the host's, the mount our own", 512, 3, 2, 1024],
    ["version 1, a service in its own group", 8192, 0, 8, 16_384],
    ["no control groups at all", 8192, undefined, 8, 16_384],
  ])("%s: %s MiB left, %s kills, %s cores, %s MiB in all", async (name, leftMib, kills, cores, limitMib) => {
    expect(Math.round((await availableMemoryBytes(reader(name))) / MIB)).toBe(leftMib);
    expect(await oomKillCount(reader(name))).toBe(kills);
    const limits = readMachineLimits((path) => of(name)[path], { cores: 8, memoryBytes: 16_384 * MIB });
    expect(limits).toEqual({ cores, memoryBytes: limitMib * MIB });
  });

  it("a group that is over its limit leaves nothing, not less than nothing", async () => {
    const files: Readonly<Record<string, string>> = {
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": "104857600\n",
      "/sys/fs/cgroup/memory.current": "115343360\n",
    };
    expect(await availableMemoryBytes((path) => Promise.resolve(files[path]))).toBe(0);
    expect(await groupMemory((path) => Promise.resolve(files[path]))).toEqual({
      limitBytes: 104_857_600,
      usedBytes: 115_343_360,
    });
  });
});
