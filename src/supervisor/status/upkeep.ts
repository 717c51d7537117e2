import { stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import { modelsDir } from "../../models/paths.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { watchedCertificates } from "../../render/deployed/certificates.ts";
import { proxyFileProblems } from "../../render/deployed/proxy.ts";
import { secretsProblems } from "../../render/deployed/secrets.ts";
import type { DeployedProblem } from "../../render/deployed/problem.ts";
import { timeLeft } from "../../shared/tls/certificate.ts";
import type { LastAudit } from "../../shared/console-status.ts";
import type { EventSink } from "../logs/events.ts";
import { readJsonFile } from "../../shared/files.ts";
import type { Issue } from "./issues.ts";
import { findDrift, renderedDir } from "../config/rendered-set.ts";
import type { RenderedDrift } from "../config/rendered-set.ts";
import { servedCertificateEnd } from "./served-certificate.ts";
import { replacedPrograms } from "../companions/replaced-programs.ts";
import type { RunningProgram } from "../companions/replaced-programs.ts";
import { shellWord } from "../../shared/text/shell-word.ts";
import type { StatePaths } from "../state/state-dir.ts";

/** What is looked after besides the processes; `status --json` shows it as it is. */
export interface UpkeepReport {
  /** The set of `gigastt render` beside the configuration; null when there is none. */
  readonly rendered: RenderedDrift | null;
  readonly certificates: readonly { readonly file: string; readonly daysLeft: number | null }[];
  readonly disks: readonly DiskSpace[];
  /** The last `gigastt audit` of this appliance; null when there was none. */
  readonly audit: Omit<LastAudit, "findings"> | null;
}

export interface DiskSpace {
  readonly what: "state" | "models";
  readonly dir: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Looks at these things now and then, and remembers. */
export interface Upkeep {
  /** As of the last look. */
  report(): UpkeepReport;
  issues(): readonly Issue[];
  /** Never throws. */
  look(): Promise<void>;
}

export interface UpkeepOptions {
  readonly loaded: () => LoadedConfig;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: () => string;
  readonly emit: EventSink;
  /** When the certificate that our proxy serves ends, Unix milliseconds. */
  readonly servedCertificateEndMs: () => number | undefined;
  /** Of proxy and Redis. */
  readonly programs: () => readonly RunningProgram[];
}

/** The thresholds of `gigastt doctor`. */
const LOW_BYTES = 1_000_000_000;
const EMPTY_BYTES = 100_000_000;
/** One reminder a day about the same certificate. */
const REMIND_MS = 24 * 60 * 60 * 1000;

/** Nothing is looked at before the first `look`. */
export function createUpkeep(options: UpkeepOptions): Upkeep {
  let report: UpkeepReport = { rendered: null, certificates: [], disks: [], audit: null };
  let issues: readonly Issue[] = [];
  const reminded = new Map<string, number>();

  const remind = (found: readonly Issue[]): void => {
    for (const { id, text } of found) {
      if (Date.now() - (reminded.get(text) ?? Number.NEGATIVE_INFINITY) < REMIND_MS) continue;
      reminded.set(text, Date.now());
      options.emit({ level: "warn", event: "certificate_expiring", expired: id === "certificate_expired", text });
    }
  };

  return {
    report: () => report,
    issues: () => issues,
    look: async () => {
      const { config, path, hash } = options.loaded();
      const now = new Date();
      const setDir = renderedDir(path);
      const about = { config, deployDir: setDir ?? "deploy", now };
      const [drift, certificates, secrets, outdated, disks, audit, replaced] = await Promise.all([
        setDir === undefined ? undefined : findDrift(setDir, { configHash: hash, toolVersion: options.version() }),
        watchedCertificates(about).catch(() => []),
        secretsProblems(about).catch(() => []),
        proxyFileProblems(about).catch(() => []),
        diskSpace(options.paths.dir, modelsDir(config.model.dir, options.env)),
        readAudit(options.paths),
        replacedPrograms(options.programs()),
      ]);
      const ours = drift !== undefined && drift.current.length + drift.stale.length + drift.edited.length > 0;
      const unread = certificates.some(({ file, unread: code, daysLeft }) => isServed(config, file, code, daysLeft));
      const endMs = options.servedCertificateEndMs() ?? (unread ? await servedCertificateEnd(config) : undefined);
      const served = servedIssues(endMs, now);
      report = {
        rendered: ours ? drift : null,
        certificates: certificates.map(({ file, daysLeft, unread: code }) => ({
          file,
          daysLeft: daysLeft ?? (isServed(config, file, code, daysLeft) ? daysUntil(endMs, now) : null),
        })),
        disks,
        audit,
      };
      const ending = deployedIssues(certificates.flatMap(({ problems }) => problems));
      issues = [
        ...(ours ? driftIssues(drift) : []),
        ...ending,
        ...served,
        ...deployedIssues([...secrets, ...outdated]),
        ...replaced,
        ...diskIssues(disks),
        ...(audit === null ? [] : auditIssues(audit)),
      ];
      remind([...ending, ...served].filter(({ id }) => id === "certificate_expiring" || id === "certificate_expired"));
    },
  };
}

// ---

function deployedIssues(problems: readonly DeployedProblem[]): readonly Issue[] {
  return problems.map(({ id, severity, message, cure }) => ({ id, severity, text: message, cure }));
}

/** The file of the proxy's own certificate, which this user may not read: its end is read from what the proxy serves. */
function isServed(
  { deploy }: ResolvedConfig,
  file: string,
  unread: string | undefined,
  daysLeft: number | undefined,
): boolean {
  return unread !== undefined && daysLeft === undefined && file === deploy.tls.certificateFile;
}

function daysUntil(endMs: number | undefined, now: Date): number | null {
  return endMs === undefined ? null : Math.floor((endMs - now.getTime()) / 86_400_000);
}

function driftIssues({ dir, stale, edited }: RenderedDrift): readonly Issue[] {
  const [first] = edited;
  return [
    ...(first === undefined
      ? []
      : [
          {
            id: "rendered_edited",
            severity: "warning",
            text: `${edited.length === 1 ? join(dir, first) : `${edited.length} files in ${dir}, among them ${first},`} ${edited.length === 1 ? "was" : "were"} edited by hand and no longer match${edited.length === 1 ? "es" : ""} the configuration; gigastt render --force discards the edits`,
            cure: "gigastt render --diff",
          } as const,
        ]),
    ...(stale.length === 0
      ? []
      : [
          {
            id: "rendered_stale",
            severity: "notice",
            text: `${stale.length} rendered ${stale.length === 1 ? "file" : "files"} in ${dir} ${stale.length === 1 ? "is" : "are"} from another configuration or version (${stale.slice(0, 3).join(", ")}${stale.length > 3 ? " …" : ""})`,
            cure: "gigastt render",
          } as const,
        ]),
  ];
}

/** Certificates that the proxy renews itself are reported only when it serves one that has expired. */
function servedIssues(endMs: number | undefined, now: Date): readonly Issue[] {
  if (endMs === undefined || endMs > now.getTime()) return [];
  return [
    {
      id: "certificate_expired",
      severity: "error",
      text: `the certificate that the proxy serves expired ${timeLeft(new Date(endMs), now)} ago`,
      cure: "gigastt logs --process proxy --level warn",
    },
  ];
}

function diskIssues(disks: readonly DiskSpace[]): readonly Issue[] {
  return disks.flatMap(({ what, dir, freeBytes }): Issue[] =>
    freeBytes >= LOW_BYTES
      ? []
      : [
          {
            id: "disk_low",
            severity: freeBytes < EMPTY_BYTES ? "error" : "warning",
            text: `${Math.round(freeBytes / 1_000_000)} MB are free where the ${what === "state" ? "state and logs are" : "models are"} (${dir})`,
            cure: `df -h ${shellWord(dir)}`,
          },
        ],
  );
}

function auditIssues({ at, errors }: Pick<LastAudit, "at" | "errors">): readonly Issue[] {
  if (errors === 0) return [];
  return [
    {
      id: "audit_findings",
      severity: "warning",
      text: `the audit of ${at.slice(0, 16).replace("T", " ")} UTC found ${errors} ${errors === 1 ? "error" : "errors"}`,
      cure: "gigastt audit",
    },
  ];
}

async function diskSpace(stateDir: string, models: string): Promise<DiskSpace[]> {
  const found = await Promise.all(
    (
      [
        ["state", stateDir],
        ["models", models],
      ] as const
    ).map(async ([what, dir]) => {
      const existing = await nearestExisting(dir);
      const info = await statfs(existing).catch(() => undefined);
      return info === undefined
        ? []
        : [{ what, dir, freeBytes: info.bavail * info.bsize, totalBytes: info.blocks * info.bsize }];
    }),
  );
  return found.flat();
}

/** Models may not have been downloaded yet: then the disk that would hold them counts. */
async function nearestExisting(dir: string): Promise<string> {
  for (let path = dir; ; path = dirname(path)) {
    if ((await stat(path).catch(() => undefined)) !== undefined || path === dirname(path)) return path;
  }
}

async function readAudit(paths: StatePaths): Promise<UpkeepReport["audit"]> {
  const value = await readJsonFile(paths.auditFile);
  if (!isLastAudit(value)) return null;
  const { at, errors, warnings, notices } = value;
  return { at, errors, warnings, notices };
}

/** Guards what `gigastt audit` of this or another version wrote. */
export function isLastAudit(value: unknown): value is LastAudit {
  if (typeof value !== "object" || value === null) return false;
  const { at, errors, warnings, notices, findings = [] } = Object.fromEntries(Object.entries(value));
  return typeof at === "string" && [errors, warnings, notices].every(Number.isFinite) && Array.isArray(findings);
}
