import { basename, join } from "node:path";
import { controlGroups } from "../../shared/control-groups.ts";
import { listeningSockets } from "../../shared/proc-net.ts";
import type {
  CertificateFact,
  ClockFact,
  CoreDumps,
  FileFact,
  FileRole,
  HostFacts,
  HostPlan,
  Known,
  Listener,
  MemoryFact,
  PublishedPort,
  ServerProcess,
  SwapDevice,
  UnitExposure,
} from "./facts.ts";
import {
  coreLimit,
  isServerCommand,
  lastSetting,
  memoryLine,
  publishedByFirewall,
  publishedByInspect,
  swapRows,
} from "./parse.ts";
import type { HostSystem } from "./system.ts";

export interface CollectOptions {
  readonly system: HostSystem;
  readonly plan: HostPlan;
  /** Name of the server's unit. */
  readonly unit: string;
  /** Files and folders to look at; folders of secrets and models are looked into. */
  readonly paths: readonly { readonly path: string; readonly role: FileRole }[];
  /** Certificates, from those who know where they are. */
  readonly certificates: () => Promise<readonly CertificateFact[]>;
}

/** Files of a folder of secrets that are none. */
const PUBLIC_NAMES = /\.(?:pem|crt)$|^\.gitignore$/;
/** Most files of one folder that are looked at. */
const MAX_ENTRIES = 500;

/** Reads the machine. Every part stands alone: what cannot be read is unknown, with the reason. */
export async function collectHostFacts(options: CollectOptions): Promise<HostFacts> {
  const { system, plan } = options;
  return {
    plan,
    listeners: listeners(system),
    published: await published(system),
    processes: processes(system),
    unit: await unitExposure(system, options.unit),
    files: files(system, options.paths),
    swaps: swaps(system),
    cores: cores(system),
    certificates: await options.certificates().then(
      (value): Known<readonly CertificateFact[]> => ({ value }),
      (error: unknown): Known<readonly CertificateFact[]> => ({
        unknown: error instanceof Error ? error.message : String(error),
      }),
    ),
    clock: await clock(system),
    memory: memory(system),
  };
}

// --- sockets

function listeners(system: HostSystem): Known<readonly Listener[]> {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => system.readText(path));
  if (tables.every((table) => table === undefined)) return missing(system, "/proc/net/tcp");
  const found = tables.flatMap((table) => listeningSockets(table ?? ""));
  const owners = ownersOf(system, new Set(found.map(({ inode }) => inode)));
  return { value: found.map(({ address, port, inode }) => ({ address, port, process: owners.get(inode) })) };
}

/** Socket number → `nginx (pid 12)`, as far as the processes may be read. */
function ownersOf(system: HostSystem, inodes: ReadonlySet<string>): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const pid of pids(system)) {
    for (const fd of system.list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(system.readLink(`/proc/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue;
      owners.set(inode, `${system.readText(`/proc/${pid}/comm`)?.trim() || "a process"} (pid ${pid})`);
    }
  }
  return owners;
}

async function published(system: HostSystem): Promise<Known<readonly PublishedPort[]>> {
  const listed = await system.run("docker", ["ps", "--quiet", "--no-trunc"]);
  if ("stdout" in listed) {
    const ids = listed.stdout.split("\n").filter((id) => id !== "");
    if (ids.length === 0) return { value: [] };
    const inspected = await system.run("docker", ["inspect", ...ids]);
    if (!("stdout" in inspected)) return { unknown: inspected.problem };
    try {
      return { value: publishedByInspect(inspected.stdout) };
    } catch (error) {
      return { unknown: error instanceof Error ? error.message : String(error) };
    }
  }
  const chain = await system.run("iptables", ["-t", "nat", "-S", "DOCKER"]);
  if ("stdout" in chain) return { value: publishedByFirewall(chain.stdout) };
  // The chain is made by the engine: where the table can be read without it, nothing is published.
  if (/chain.*(?:DOCKER|name)|No chain/i.test(chain.problem) && /not installed/.test(listed.problem))
    return { value: [] };
  return { unknown: `${listed.problem}; ${chain.problem}` };
}

// --- processes

function pids(system: HostSystem): readonly string[] {
  return system.list("/proc").filter((name) => /^\d+$/.test(name));
}

function processes(system: HostSystem): Known<readonly ServerProcess[]> {
  const all = pids(system);
  if (all.length === 0) return missing(system, "/proc");
  return {
    value: all.flatMap((pid): ServerProcess[] => {
      const words = (system.readText(`/proc/${pid}/cmdline`) ?? "").split("\0").filter((word) => word !== "");
      if (!isServerCommand(words)) return [];
      const limits = system.readText(`/proc/${pid}/limits`);
      return [
        {
          pid: Number(pid),
          name: basename(words.find((word) => /gigastt|\/dist\//.test(word)) ?? "gigastt"),
          coreLimitBytes: limits === undefined ? undefined : coreLimit(limits),
          swapForbidden: swapForbidden(system, pid),
        },
      ];
    }),
  };
}

/** A group that may not swap, its own or one above it, keeps its pages in memory. */
function swapForbidden(system: HostSystem, pid: string): boolean | undefined {
  const { unified } = controlGroups(system.readText(`/proc/${pid}/cgroup`));
  const limits = unified.flatMap((folder) => system.readText(`${folder}/memory.swap.max`)?.trim() ?? []);
  return limits.length === 0 ? undefined : limits.includes("0");
}

async function unitExposure(system: HostSystem, unit: string): Promise<Known<UnitExposure>> {
  if (system.platform !== "linux") return { unknown: `systemd is not on ${system.platform}` };
  if (system.list("/run/systemd/system").length === 0 && "code" in system.stat("/run/systemd/system"))
    return { unknown: "systemd does not run here" };
  const active = await system.run("systemctl", ["is-active", unit]);
  if (!("stdout" in active) || active.stdout.trim() !== "active") return { unknown: `${unit} does not run` };
  const said = await system.run("systemd-analyze", ["security", "--no-pager", unit]);
  if (!("stdout" in said)) return { unknown: said.problem };
  const exposure = Number(/Overall exposure level for \S+: (\d+(?:\.\d+)?)/.exec(said.stdout)?.[1]);
  return Number.isNaN(exposure)
    ? { unknown: "systemd-analyze security names no level" }
    : { value: { unit, exposure } };
}

// --- files

function files(system: HostSystem, paths: CollectOptions["paths"]): readonly FileFact[] {
  const out: FileFact[] = [];
  const look = (path: string, role: FileRole, depth: number): void => {
    const found = system.stat(path);
    if ("code" in found) {
      // What is not there is nobody's problem here.
      if (found.code !== "ENOENT") out.push({ path, role, isDirectory: false, mode: undefined, problem: found.code });
      return;
    }
    out.push({ path, role, isDirectory: found.isDirectory, mode: found.mode, problem: undefined });
    if (!found.isDirectory || depth === 0) return;
    for (const name of system.list(path).slice(0, MAX_ENTRIES))
      if (role !== "secret" || !PUBLIC_NAMES.test(name)) look(join(path, name), roleOf(name, role), depth - 1);
  };
  for (const { path, role } of paths) look(path, role, role === "model" ? 2 : role === "secret" ? 1 : 0);
  return out;
}

function roleOf(name: string, role: FileRole): FileRole {
  return role === "secret" && name.endsWith(".key") ? "private-key" : role;
}

// --- memory, swap, dumps, clock

function swaps(system: HostSystem): Known<readonly SwapDevice[]> {
  const text = system.readText("/proc/swaps");
  if (text === undefined) return missing(system, "/proc/swaps");
  return { value: swapRows(text).map((row) => ({ ...row, kind: swapKind(system, row.path) })) };
}

function swapKind(system: HostSystem, path: string): SwapDevice["kind"] {
  const device = basename(system.readLink(path) ?? path);
  if (device.startsWith("zram")) return "memory";
  const id = system.readText(`/sys/class/block/${device}/dm/uuid`) ?? "";
  return id.startsWith("CRYPT-") ? "encrypted" : "plain";
}

function cores(system: HostSystem): Known<CoreDumps> {
  const pattern = system.readText("/proc/sys/kernel/core_pattern")?.trim();
  if (pattern === undefined) return missing(system, "/proc/sys/kernel/core_pattern");
  const dropIns = ["/usr/lib/systemd/coredump.conf.d", "/run/systemd/coredump.conf.d", "/etc/systemd/coredump.conf.d"];
  const texts = [
    "/etc/systemd/coredump.conf",
    ...dropIns.flatMap((dir) =>
      system
        .list(dir)
        .toSorted()
        .map((name) => `${dir}/${name}`),
    ),
  ].flatMap((path) => system.readText(path) ?? []);
  return {
    value: {
      pattern,
      storage: pattern.includes("systemd-coredump") ? (lastSetting(texts, "Storage") ?? "external") : undefined,
    },
  };
}

async function clock(system: HostSystem): Promise<Known<ClockFact>> {
  const shown = await system.run("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  if ("stdout" in shown && /^(?:yes|no)\s*$/.test(shown.stdout))
    return { value: { synchronized: shown.stdout.trim() === "yes", by: "timedatectl" } };
  const tracked = await system.run("chronyc", ["-n", "tracking"]);
  if ("stdout" in tracked) {
    const leap = /^Leap status\s*:\s*(.*)$/m.exec(tracked.stdout)?.[1]?.trim();
    if (leap !== undefined) return { value: { synchronized: leap !== "Not synchronised", by: "chronyc" } };
  }
  if (system.list("/run/systemd/timesync").length > 0)
    return {
      value: { synchronized: system.list("/run/systemd/timesync").includes("synchronized"), by: "systemd-timesyncd" },
    };
  return {
    unknown: `${"problem" in shown ? shown.problem : "timedatectl says nothing"}; ${"problem" in tracked ? tracked.problem : "chronyc says nothing"}`,
  };
}

function memory(system: HostSystem): Known<MemoryFact> {
  const text = system.readText("/proc/meminfo");
  const overcommit = Number(system.readText("/proc/sys/vm/overcommit_memory") ?? Number.NaN);
  const totalBytes = memoryLine(text ?? "", "MemTotal");
  const commitLimitBytes = memoryLine(text ?? "", "CommitLimit");
  if (totalBytes === undefined || commitLimitBytes === undefined || Number.isNaN(overcommit))
    return missing(system, "/proc/meminfo");
  return { value: { totalBytes, overcommit, commitLimitBytes } };
}

function missing(system: HostSystem, path: string): { readonly unknown: string } {
  return {
    unknown: system.platform === "linux" ? `${path} cannot be read` : `${system.platform} has no ${path}`,
  };
}
