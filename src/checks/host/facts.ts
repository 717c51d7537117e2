/** A fact, or why it could not be had. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** What a machine is and does, as the checks see it. Collected once; recorded sets of it are test data. */
export interface HostFacts {
  readonly plan: HostPlan;
  readonly listeners: Known<readonly Listener[]>;
  readonly published: Known<readonly PublishedPort[]>;
  /** Running processes of the server and its supervisor. */
  readonly processes: Known<readonly ServerProcess[]>;
  readonly unit: Known<UnitExposure>;
  readonly files: readonly FileFact[];
  readonly swaps: Known<readonly SwapDevice[]>;
  readonly cores: Known<CoreDumps>;
  readonly certificates: Known<readonly CertificateFact[]>;
  readonly clock: Known<ClockFact>;
  readonly memory: Known<MemoryFact>;
}

/** What the configuration wants of this machine. */
export interface HostPlan {
  readonly host: string;
  readonly port: number;
  /** Memory that one server needs at most, bytes. */
  readonly serverBytes: number;
  /** The same for a hand-over: the old and the new server side by side, and the managed proxy and Redis. */
  readonly memoryBytes: number;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** `nginx (pid 12)`; undefined when it belongs to another user. */
  readonly process: string | undefined;
}

export interface PublishedPort {
  readonly container: string;
  readonly image: string;
  /** Address of the host it is published on. */
  readonly address: string;
  readonly port: number;
  readonly containerPort: number;
  /** `docker inspect`, or the firewall's table. */
  readonly source: string;
}

export interface ServerProcess {
  readonly pid: number;
  readonly name: string;
  /** Soft limit of core dumps, bytes; Infinity = none; undefined = not readable. */
  readonly coreLimitBytes: number | undefined;
  /** True when its control group may not swap; undefined = not readable. */
  readonly swapForbidden: boolean | undefined;
}

export interface UnitExposure {
  readonly unit: string;
  /** systemd's own estimate, 0 (safe) to 10. */
  readonly exposure: number;
}

export type FileRole = "config" | "secret" | "private-key" | "state" | "socket" | "model";

export interface FileFact {
  readonly path: string;
  readonly role: FileRole;
  readonly isDirectory: boolean;
  /** Permission bits; undefined = could not be read, see `problem`. */
  readonly mode: number | undefined;
  readonly problem: string | undefined;
}

export interface SwapDevice {
  readonly path: string;
  readonly sizeBytes: number;
  /** zram keeps pages in memory; dm-crypt writes them encrypted. */
  readonly kind: "plain" | "memory" | "encrypted";
}

export interface CoreDumps {
  /** /proc/sys/kernel/core_pattern. */
  readonly pattern: string;
  /** `Storage=` of systemd-coredump, when the pattern leads there. */
  readonly storage: string | undefined;
}

export interface CertificateFact {
  readonly file: string;
  readonly daysLeft: number | undefined;
  /** Why it could not be read. */
  readonly trouble: string | undefined;
  readonly cure: string;
}

export interface ClockFact {
  readonly synchronized: boolean;
  /** Who says so. */
  readonly by: string;
}

export interface MemoryFact {
  readonly totalBytes: number;
  /** vm.overcommit_memory: 0 guess, 1 always, 2 never beyond CommitLimit. */
  readonly overcommit: number;
  readonly commitLimitBytes: number;
}
