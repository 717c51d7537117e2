import type { WatchedCertificate } from "../../render/deployed/certificates.ts";
import type { DeployedProblem } from "../../render/deployed/problem.ts";
import type { ClockFact } from "../machine/clock.ts";
import type { MemoryFact, MemoryNeed } from "../machine/memory.ts";
import type { FileFact } from "../machine/modes.ts";
import type { Listener, PlannedListener } from "../machine/port.ts";

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
  readonly certificates: Known<readonly WatchedCertificate[]>;
  readonly clock: ClockFact;
  readonly memory: Known<MemoryFact>;
  /** What keeps users out of the deployed proxy; undefined when it looks up no users or keys here. */
  readonly secrets: Known<readonly DeployedProblem[] | undefined>;
  /** A proxy that runs with older files. */
  readonly proxyFiles: Known<readonly DeployedProblem[]>;
}

/** What the configuration wants of this machine. */
export interface HostPlan {
  /** Of HTTP. */
  readonly host: string;
  readonly port: number;
  /** Of every listener on TCP, HTTP first. */
  readonly listeners: readonly PlannedListener[];
  readonly memory: MemoryNeed;
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
