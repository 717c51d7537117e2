import { basename, join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import { controlGroups } from "../../shared/machine/control-groups.ts";
import type { WatchedCertificate } from "../../render/deployed/certificates.ts";
import type { DeployedProblem } from "../../render/deployed/problem.ts";
import { readClock } from "../machine/clock.ts";
import type { MemoryFact } from "../machine/memory.ts";
import { isServerCommand, ownMemoryBytes, pids } from "../machine/processes.ts";
import type { FileFact, FileRole } from "../machine/modes.ts";
import { readListeners, type Listener } from "../machine/port.ts";
import type {
  CoreDumps,
  HostFacts,
  HostPlan,
  Known,
  PublishedPort,
  ServerProcess,
  SwapDevice,
  UnitExposure,
} from "./facts.ts";
import { coreLimit, lastSetting, memoryLine, publishedByFirewall, publishedByInspect, swapRows } from "./parse.ts";
import type { HostMachine } from "../machine.ts";

export interface CollectOptions {
  readonly system: HostMachine;
  readonly plan: HostPlan;
  /** Name of the server's unit. */
  readonly unit: string;
  /** Files and folders to look at; folders of secrets and models are looked into. */
  readonly paths: readonly { readonly path: string; readonly role: FileRole }[];
  readonly certificates: () => Promise<readonly WatchedCertificate[]>;
  readonly secrets: () => Promise<readonly DeployedProblem[] | undefined>;
  readonly proxyFiles: () => Promise<readonly DeployedProblem[]>;
}

/** Files in a folder of secrets that hold no secret. */
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
    certificates: await known(options.certificates()),
    clock: await readClock(system),
    memory: await memory(system),
    secrets: await known(options.secrets()),
    proxyFiles: await known(options.proxyFiles()),
  };
}

async function known<T>(read: Promise<T>): Promise<Known<T>> {
  return read.then(
    (value) => ({ value }),
    (error: unknown) => ({ unknown: messageOf(error) }),
  );
}

// --- sockets

function listeners(system: HostMachine): Known<readonly Listener[]> {
  const value = readListeners(system);
  return value === undefined ? missing(system, "/proc/net/tcp") : { value };
}

async function published(system: HostMachine): Promise<Known<readonly PublishedPort[]>> {
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

function processes(system: HostMachine): Known<readonly ServerProcess[]> {
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
function swapForbidden(system: HostMachine, pid: string): boolean | undefined {
  const { unified } = controlGroups(system.readText(`/proc/${pid}/cgroup`));
  const limits = unified.flatMap((folder) => system.readText(`${folder}/memory.swap.max`)?.trim() ?? []);
  return limits.length === 0 ? undefined : limits.includes("0");
}

async function unitExposure(system: HostMachine, unit: string): Promise<Known<UnitExposure>> {
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

function files(system: HostMachine, paths: CollectOptions["paths"]): readonly FileFact[] {
  const out: FileFact[] = [];
  const look = (path: string, role: FileRole, depth: number): void => {
    const found = system.stat(path);
    if ("code" in found) {
      // A missing file is for other checks.
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

function swaps(system: HostMachine): Known<readonly SwapDevice[]> {
  const text = system.readText("/proc/swaps");
  if (text === undefined) return missing(system, "/proc/swaps");
  return { value: swapRows(text).map((row) => ({ ...row, kind: swapKind(system, row.path) })) };
}

function swapKind(system: HostMachine, path: string): SwapDevice["kind"] {
  const device = basename(system.readLink(path) ?? path);
  if (device.startsWith("zram")) return "memory";
  const id = system.readText(`/sys/class/block/${device}/dm/uuid`) ?? "";
  return id.startsWith("CRYPT-") ? "encrypted" : "plain";
}

function cores(system: HostMachine): Known<CoreDumps> {
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

async function memory(system: HostMachine): Promise<Known<MemoryFact>> {
  const text = system.readText("/proc/meminfo") ?? "";
  const totalBytes = memoryLine(text, "MemTotal");
  if (totalBytes === undefined) return missing(system, "/proc/meminfo");
  const overcommit = Number(system.readText("/proc/sys/vm/overcommit_memory") ?? Number.NaN);
  return {
    value: {
      totalBytes,
      availableBytes: await system.availableMemoryBytes(),
      ownBytes: ownMemoryBytes(system),
      overcommit: Number.isNaN(overcommit) ? undefined : overcommit,
      commitLimitBytes: memoryLine(text, "CommitLimit"),
    },
  };
}

function missing(system: HostMachine, path: string): { readonly unknown: string } {
  return {
    unknown: system.platform === "linux" ? `${path} cannot be read` : `${system.platform} has no ${path}`,
  };
}
