import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clock } from "../../../../src/cli/doctor/clock.ts";
import { cores } from "../../../../src/cli/doctor/cores.ts";
import { cpu } from "../../../../src/cli/doctor/cpu.ts";
import { disk } from "../../../../src/cli/doctor/disk.ts";
import { engine } from "../../../../src/cli/doctor/engine.ts";
import { libc } from "../../../../src/cli/doctor/libc.ts";
import { limits } from "../../../../src/cli/doctor/limits.ts";
import { memory } from "../../../../src/cli/doctor/memory.ts";
import { node } from "../../../../src/cli/doctor/node.ts";
import { realMachine } from "../../../../src/cli/machine.ts";
import { derive } from "../../../../src/config/derived.ts";
import { installedModelMemory } from "../../../../src/models/memory.ts";
import { readableBytes } from "../../../../src/shared/units.ts";
import { runCli } from "../../../support/cli.ts";
import { configWith, contextOf, linesOf, machine } from "./helpers.ts";

describe("node", () => {
  test.each([
    [
      "18.20.0",
      "fail: Node 18.20.0 is too old, 20.19 or newer is needed → Install the current long-term release of Node.",
    ],
    [
      "20.18.3",
      "fail: Node 20.18.3 is too old, 20.19 or newer is needed → Install the current long-term release of Node.",
    ],
    ["20.19.0", "ok: Node 20.19.0"],
    ["24.1.0", "ok: Node 24.1.0"],
    ["23.4.0", "warn: Node 23.4.0 is a short-lived release → Use a release with an even number: 22 or 24."],
  ])("judges version %s", async (nodeVersion, line) => {
    expect(await linesOf(node, contextOf(machine({}, { nodeVersion })))).toEqual([line]);
  });
});

describe("libc", () => {
  const cure = " → Use a distribution with glibc 2.28 or newer: Debian 10, Ubuntu 20.04, RHEL 8 or later; not Alpine.";
  test.each([
    ["2.28", "ok: glibc 2.28"],
    ["2.9", `fail: glibc 2.9 is too old, 2.28 or newer is needed${cure}`],
    ["2.27", `fail: glibc 2.27 is too old, 2.28 or newer is needed${cure}`],
    [undefined, `fail: no glibc: musl cannot load the inference library${cure}`],
  ])("judges glibc %s", async (glibcVersion, line) => {
    expect(await linesOf(libc, contextOf(machine({}, { glibcVersion })))).toEqual([line]);
  });
});

describe("cpu", () => {
  const cpuinfo = (flags: string): string =>
    `processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu ${flags} sse\n\nprocessor\t: 1\n`;
  test.each([
    ["avx avx2 avx_vnni", "ok: Some CPU, AVX2, VNNI"],
    ["avx2 avx512f avx512_vnni", "ok: Some CPU, AVX2, AVX-512, VNNI"],
    ["avx2", "ok: Some CPU, AVX2; no VNNI, int8 gains less"],
    [
      "avx",
      "warn: Some CPU has no AVX2: recognition is several times slower → Use another machine, or another CPU type for the virtual machine (for example host).",
    ],
  ])("judges an x64 CPU with %s", async (flags, line) => {
    expect(await linesOf(cpu, contextOf(machine({ "/proc/cpuinfo": cpuinfo(flags) })))).toEqual([line]);
  });

  test("judges arm64 by its dot products", async () => {
    const arm = (features: string): ReturnType<typeof machine> =>
      machine({ "/proc/cpuinfo": `processor\t: 0\nFeatures\t: fp asimd ${features}\n` }, { arch: "arm64" });
    expect(await linesOf(cpu, contextOf(arm("asimddp")))).toEqual(["ok: arm64, with dot products"]);
    expect(await linesOf(cpu, contextOf(arm("crc32")))).toEqual([
      "warn: arm64 has no dot-product instructions: int8 is not faster than fp32 → Expect about half the speed, or use a newer board.",
    ]);
  });

  test("says so where the instructions are not shown", async () => {
    expect(await linesOf(cpu, contextOf(machine({}, { platform: "darwin", arch: "arm64" })))).toEqual([
      "ok: arm64; its instructions are not shown on darwin",
    ]);
  });
});

describe("cores", () => {
  test("without a quota are the machine's", async () => {
    expect(await linesOf(cores, contextOf(machine()))).toEqual(["ok: 4 cores"]);
  });

  test("are what the cgroup of the container allows", async () => {
    const system = machine({ "/sys/fs/cgroup/cpu.max": "150000 100000\n" });
    expect(await linesOf(cores, contextOf(system))).toEqual([
      "warn: 1.5 of 4 cores (CPU quota): one long file delays live speech → Two cores or more are recommended.",
    ]);
  });

  test("are what the unit's own cgroup allows", async () => {
    const system = machine({
      "/proc/self/cgroup": "0::/system.slice/gigastt.service\n",
      "/sys/fs/cgroup/system.slice/gigastt.service/cpu.max": "50000 100000\n",
    });
    expect(await linesOf(cores, contextOf(system))).toEqual([
      "warn: 0.5 of 4 cores (CPU quota): less than one → Give it a quota of at least one core.",
    ]);
  });

  test("are what cgroup v1 allows", async () => {
    const system = machine({
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    });
    expect(await linesOf(cores, contextOf(system))).toEqual(["ok: 2 of 4 cores (CPU quota)"]);
  });

  test("fewer than the configuration asks for are worth a word", async () => {
    const config = configWith({ engine: { workers: 4, threads: 2 } });
    expect(await linesOf(cores, contextOf(machine(), { config }))).toEqual([
      "warn: 4 cores, but engine.workers and engine.threads ask for 8 → Set both to auto, or lower them.",
    ]);
  });
});

describe("memory", () => {
  const withBytes = (bytes: number, workers: number | "auto" = "auto"): ReturnType<typeof contextOf> =>
    contextOf(machine({}, { availableMemoryBytes: () => Promise.resolve(bytes) }), {
      config: configWith({ model: { id: "demo-ru-rnnt", precision: "fp32" }, engine: { workers } }),
    });

  test("is enough, little or too little for the model in use", async () => {
    expect(await linesOf(memory, withBytes(2e9))).toEqual([
      "ok: 2.0 GB available; with demo-ru-rnnt (fp32) a server needs up to 805 MB, a hand-over 1.6 GB",
    ]);
    expect(await linesOf(memory, withBytes(1e9))).toEqual([
      expect.stringMatching(/^warn: .* → Use a smaller pool\.size, limits\.body or limits\.asrBody, int8 weights/),
    ]);
    expect(await linesOf(memory, withBytes(1e8))).toEqual([
      expect.stringMatching(/^fail: 100 MB available; .* → Use a smaller pool\.size/),
    ]);
  });

  test("counts every worker", async () => {
    expect(await linesOf(memory, withBytes(700e6, 8))).toEqual([
      expect.stringMatching(/^fail: .* up to 1\.3 GB, a hand-over 2\.7 GB/),
    ]);
  });
});

test("the same need is told by doctor, audit host and the unit's memory limit", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gigastt-memory-"));
  try {
    const config = configWith({ model: { id: "demo-ru-rnnt", precision: "fp32" }, pool: { size: 7 } });
    writeFileSync(join(folder, "gigastt.config.yaml"), "model: {id: demo-ru-rnnt, precision: fp32}\npool: {size: 7}\n");
    const env = { ...process.env, HOME: folder };
    const doctor = await linesOf(memory, contextOf(realMachine, { config, env }));
    const host = await runCli(["audit", "host"], folder, { env });
    const { serverMemoryMiB, unit } = derive(config, await installedModelMemory(config.model, env));
    for (const mib of [serverMemoryMiB, unit.memoryMiB]) {
      expect(doctor.join()).toContain(readableBytes(mib * 2 ** 20));
      expect(host.stdout).toContain(readableBytes(mib * 2 ** 20));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("disk", () => {
  test.each([
    [50e9, "ok: models: 50.0 GB free in /home/someone/.local/share/gigastt/models"],
    [
      5e8,
      "warn: models: 500 MB free in /home/someone/.local/share/gigastt/models → Free some space, or set model.dir to another disk.",
    ],
    [
      1e6,
      "fail: models: 1.0 MB free in /home/someone/.local/share/gigastt/models → Free some space, or set model.dir to another disk.",
    ],
    [undefined, "ok: models: /home/someone/.local/share/gigastt/models free space is unknown"],
  ])("with %s bytes free is judged for models and state", async (bytes, line) => {
    const lines = await linesOf(disk, contextOf(machine({}, { freeBytes: () => Promise.resolve(bytes) })));
    expect(lines[0]).toBe(line);
    expect(lines[1]).toContain("/home/someone/.local/state/gigastt");
  });
});

describe("engine", () => {
  test("without dependencies, for an unknown platform, or not needed", async () => {
    expect(await linesOf(engine, contextOf(machine()))).toEqual([
      "fail: the dependencies are not installed → Run ./gigastt once, it installs them.",
    ]);
    const freebsd = { ...realMachine, platform: "freebsd" };
    expect(await linesOf(engine, contextOf(freebsd))).toEqual([
      `fail: there is no ONNX Runtime for freebsd ${realMachine.arch} → Supported: linux x64 and arm64, darwin arm64, win32 x64 and arm64.`,
    ]);
    expect(await linesOf(engine, contextOf(machine(), { config: configWith({ engine: { kind: "fake" } }) }))).toEqual([
      "ok: the fake engine is configured, no inference library is needed",
    ]);
  });

  test("is there on this machine", async () => {
    expect(await linesOf(engine, contextOf(realMachine))).toEqual([
      `ok: ONNX Runtime for ${process.platform} ${process.arch}`,
    ]);
  });
});

describe("limits", () => {
  test.each([
    ["256", "warn: only 256 open files are allowed → Raise it: `ulimit -n 4096`, or LimitNOFILE= in the unit."],
    ["1048576", "ok: 1048576 open files"],
    ["unlimited", "ok: unlimited open files"],
  ])("of %s open files are judged", async (soft, line) => {
    const text = `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(20)} 524288               files     \n`;
    expect(await linesOf(limits, contextOf(machine({ "/proc/self/limits": text })))).toEqual([line]);
  });
});

describe("clock", () => {
  const installed = { isDirectory: false, mode: 0o644, uid: 0, mtimeMs: Date.UTC(2029, 5, 1) };
  test("before the installation was made is wrong", async () => {
    const system = machine({}, { nowMs: () => 0, stat: () => installed });
    expect(await linesOf(clock, contextOf(system))).toEqual([
      "fail: it is 1970-01-01 00:00 UTC, but this installation was made on 2029-06-01 → Synchronise the clock: timedatectl set-ntp true, or run chrony; UDP port 123 must be open to the outside.",
    ]);
  });

  test("not yet synchronised is worth a word, synchronised or unknown is fine", async () => {
    const at = (folders: Record<string, string[]>): ReturnType<typeof contextOf> =>
      contextOf(machine({}, { folders, stat: () => installed }));
    expect(await linesOf(clock, at({ "/run/systemd/timesync": ["seq"] }))).toEqual([
      "warn: 2030-01-01 00:00 UTC, not synchronised (systemd-timesyncd) → Synchronise the clock: timedatectl set-ntp true, or run chrony; UDP port 123 must be open to the outside.",
    ]);
    expect(await linesOf(clock, at({ "/run/systemd/timesync": ["seq", "synchronized"] }))).toEqual([
      "ok: 2030-01-01 00:00 UTC, synchronised (systemd-timesyncd)",
    ]);
    expect(await linesOf(clock, at({}))).toEqual([
      "ok: not checked: 2030-01-01 00:00 UTC, synchronisation unknown: timedatectl is not installed; chronyc is not installed",
    ]);
  });
});
