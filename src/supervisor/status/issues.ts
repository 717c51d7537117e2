import type { HistoryTrouble } from "../state/history.ts";
import type { LogTrouble } from "../logs/log-file.ts";
import type { JobFigures } from "../../shared/process/messages.ts";
import type { ProcessSnapshot } from "../process/process-state.ts";

/** Something that needs attention, with its cure. `id` is stable and documented. */
export interface Issue {
  readonly id: IssueId;
  /** A notice does not make the service degraded. */
  readonly severity: "error" | "warning" | "notice";
  /** One sentence. */
  readonly text: string;
  /** A command that cures it or shows more, as it is typed. */
  readonly cure: string;
}

/** Every issue there is; `docs/reference/supervisor.md` explains each. */
export const ISSUE_IDS = [
  "crash_loop",
  "restarting",
  "unresponsive",
  "out_of_memory",
  "native_abort",
  "log_write_failed",
  "history_write_failed",
  "model_notice",
  "memory_high",
  "config_changed",
  "config_invalid",
  "restart_pending",
  "no_init",
  "certificate_expiring",
  "certificate_expired",
  "certificate_broken",
  "secrets_broken",
  "no_api_keys",
  "proxy_outdated",
  "program_missing",
  "program_replaced",
  "proxy_port_denied",
  "proxy_port_taken",
  "proxy_config",
  "rendered_edited",
  "rendered_stale",
  "rendered_failed",
  "disk_low",
  "jobs_stuck",
  "jobs_dead",
  "jobs_config_drift",
  "audit_findings",
] as const;
export type IssueId = (typeof ISSUE_IDS)[number];

/** Why proxy or Redis do not run as they should, beyond the state of the process. */
export interface CompanionTrouble {
  readonly id: "program_missing" | "proxy_port_denied" | "proxy_port_taken" | "proxy_config" | "rendered_edited";
  readonly text: string;
  readonly cure: string;
}

export interface IssueFacts {
  readonly processes: readonly ProcessSnapshot[];
  readonly logTrouble: LogTrouble | undefined;
  readonly historyTrouble: HistoryTrouble | undefined;
  readonly modelNotice: string | undefined;
  readonly configTrouble:
    | { readonly id: "config_invalid" | "config_changed" | "restart_pending"; readonly text: string }
    | undefined;
  /** Rendered files, certificates, disks, audit. */
  readonly upkeep: readonly Issue[];
  readonly companionTroubles: readonly CompanionTrouble[];
  /** Keys that can be used; undefined where none are required. */
  readonly apiKeys?: number | undefined;
  readonly memory: { readonly rssBytes: number; readonly limitBytes: number | undefined } | undefined;
  /** Undefined while jobs are off. */
  readonly jobs?: JobFigures | undefined;
  /** Zombie processes; undefined unless we are process 1. */
  readonly uncollected?: number | undefined;
  readonly logsDir: string;
  readonly nowMs: number;
}

/** An abort or memory kill is reported for this long after the recovery. */
const REMEMBER_MS = 60 * 60 * 1000;

/** Our own children are among them for a moment. */
const UNCOLLECTED_IN_PASSING = 2;

/** The issues that follow from what is known now. Pure. */
export function findIssues(facts: IssueFacts): readonly Issue[] {
  const issues: Issue[] = [];
  for (const process of facts.processes) {
    const last = process.lastRestarts.at(-1);
    const reason = last?.reason ?? "unknown";
    if (process.state === "crash_loop") {
      issues.push({
        id: "crash_loop",
        severity: "error",
        text: `${process.name} keeps failing (last: ${reason}); next try in ${Math.round((process.nextStartInMs ?? 0) / 1000)} s`,
        cure: `gigastt logs --process ${process.name} --lines 50 && gigastt restart`,
      });
    } else if (process.state === "waiting") {
      issues.push({
        id: "restarting",
        severity: "error",
        text: `${process.name} ended (${reason}) and starts again in ${Math.round((process.nextStartInMs ?? 0) / 100) / 10} s`,
        cure: "gigastt logs",
      });
    } else if (process.state === "unresponsive") {
      issues.push({
        id: "unresponsive",
        severity: "error",
        text: `${process.name} runs but does not answer (${process.lastProbe ?? "no answer"}); it is being replaced`,
        cure: "gigastt logs",
      });
    }
    for (const [kind, id, cure] of [
      ["out_of_memory", "out_of_memory", "gigastt config explain engine.workers"],
      ["abort", "native_abort", "gigastt doctor"],
    ] as const) {
      const record = process.lastRestarts.findLast((candidate) => candidate.kind === kind);
      if (record === undefined || facts.nowMs - Date.parse(record.at) > REMEMBER_MS) continue;
      issues.push({ id, severity: "warning", text: `${process.name}: ${record.reason}, at ${record.at}`, cure });
    }
  }
  for (const { id, text, cure } of facts.companionTroubles)
    issues.push({ id, severity: id === "rendered_edited" ? "warning" : "error", text, cure });
  issues.push(...facts.upkeep);
  if (facts.apiKeys === 0) {
    issues.push({
      id: "no_api_keys",
      severity: "warning",
      text: "API keys are required, but no key can be used: every request is refused",
      cure: "gigastt secrets create key NAME",
    });
  }
  if (facts.logTrouble !== undefined) {
    issues.push({
      id: "log_write_failed",
      severity: "warning",
      text: `log lines cannot be written (${facts.logTrouble.code}), ${facts.logTrouble.lostLines} lost so far; the service keeps running`,
      cure: `df -h ${facts.logsDir}`,
    });
  }
  if (facts.historyTrouble !== undefined) {
    const { place, reason, kept } = facts.historyTrouble;
    issues.push({
      id: "history_write_failed",
      severity: "warning",
      text:
        place === "redis"
          ? `Redis does not store the history (${reason}); ${kept ? "it is written to files instead" : "the files cannot be written either"}. The service keeps running`
          : `the history cannot be written (${reason}); the service keeps running`,
      cure: place === "redis" ? "gigastt config explain supervisor.redis" : `df -h ${facts.logsDir}`,
    });
  }
  if (facts.configTrouble !== undefined) {
    const cures = {
      config_invalid: "gigastt config check",
      config_changed: "gigastt reload",
      restart_pending: "gigastt down && gigastt up",
    };
    issues.push({
      id: facts.configTrouble.id,
      severity: "warning",
      text: facts.configTrouble.text,
      cure: cures[facts.configTrouble.id],
    });
  }
  const limit = facts.memory?.limitBytes;
  if (facts.memory !== undefined && limit !== undefined && facts.memory.rssBytes > limit * 0.9) {
    const percent = Math.round((facts.memory.rssBytes / limit) * 100);
    issues.push({
      id: "memory_high",
      severity: "warning",
      text: `the runtime uses ${percent} % of supervisor.memoryLimit; above the limit it is restarted gracefully`,
      cure: "gigastt config explain supervisor.memoryLimit",
    });
  }
  if ((facts.uncollected ?? 0) > UNCOLLECTED_IN_PASSING) {
    issues.push({
      id: "no_init",
      severity: "warning",
      text: `${facts.uncollected} zombie processes: supervisor.eventCommand leaves processes behind, and process 1 of this container is not an init`,
      cure: "docker run --init, or init: true in compose",
    });
  }
  if (facts.jobs !== undefined) issues.push(...jobIssues(facts.jobs));
  if (facts.modelNotice !== undefined) {
    issues.push({ id: "model_notice", severity: "notice", text: facts.modelNotice, cure: "gigastt models pull" });
  }
  return issues;
}

// ---

function jobIssues({ stuck, dead, strangers }: JobFigures): Issue[] {
  const issues: Issue[] = [];
  if (stuck > 0) {
    issues.push({
      id: "jobs_stuck",
      severity: "warning",
      text: `the process of ${jobCount(stuck)} is gone; another run takes over within 40 s`,
      cure: "gigastt jobs list --state active",
    });
  }
  if (dead > 0) {
    issues.push({
      id: "jobs_dead",
      severity: "notice",
      text: `${jobCount(dead)} failed after all attempts; the audio is kept for jobs.keepFailedAudio`,
      cure: "gigastt jobs list --state failed",
    });
  }
  if (strangers > 0) {
    issues.push({
      id: "jobs_config_drift",
      severity: "warning",
      text: `${strangers === 1 ? "1 replica has" : `${strangers} replicas have`} the same jobs and another configuration; results depend on which one runs a job`,
      cure: "gigastt config print",
    });
  }
  return issues;
}

function jobCount(n: number): string {
  return n === 1 ? "1 job" : `${n} jobs`;
}
