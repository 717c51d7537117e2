import type { SupervisorEvent } from "../logs/events.ts";
import { printableLine } from "../../shared/text/printable.ts";
import type { StatusReport } from "./status.ts";

/** What `gigastt up` shows in the foreground. */
export interface View {
  event(event: SupervisorEvent): void;
  line(line: string): void;
  /** Words of the command; lines stay lines. */
  say(text: string): void;
  /** A picture made here, colours and all: for terminals, nothing elsewhere. */
  draw(picture: string): void;
  /** Gives the terminal back. */
  close(): void;
}

export interface ViewOptions {
  readonly out: Terminal;
  readonly status: () => StatusReport | undefined;
  /** What keys ask for. */
  readonly act: { stop(): void; reload(): void; restart(): void };
}

/** The part of standard output that a view uses. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

/** Plain lines, for pipes, journals and files: one per event, the runtime's log goes to its file only. */
export function createPlainView({ out }: Pick<ViewOptions, "out">): View {
  const write = (text: string): void => void out.write(`${printableLine(text)}\n`);
  return {
    event: (event) => {
      if (event.level !== "debug") write(describeEvent(event));
    },
    line: () => {},
    say: (text) => text.split("\n").forEach(write),
    draw: () => {},
    close: () => {},
  };
}

/** The head of the live view and of `gigastt status`. */
export function statusLines(status: StatusReport): string[] {
  const [runtime, ...companions] = status.processes;
  const { model, runtime: stats, rates } = status;
  const lines = [`gigastt ${status.supervisor.version}  ${status.overall}  ${status.service.url}`];
  if (runtime !== undefined) {
    const pid = runtime.pid === undefined ? "no process" : `pid ${runtime.pid}`;
    const next = runtime.nextStartInMs === undefined ? "" : `, next start in ${seconds(runtime.nextStartInMs)}`;
    const draining = runtime.draining.length === 0 ? "" : `, draining: pid ${runtime.draining.join(", ")}`;
    lines.push(
      `  runtime   ${runtime.state} for ${ago(runtime.since)}, ${pid}, restarts ${runtime.restarts}${next}${draining}`,
    );
    const last = runtime.lastRestarts.at(-1);
    if (last !== undefined) lines.push(`  restarted ${last.at}: ${last.reason}`);
  }
  for (const { name, state, since, pid, restarts, lastProbe } of companions) {
    const where = name === "proxy" ? (status.service.publicUrl ?? "") : (lastProbe ?? "");
    lines.push(
      `  ${name.padEnd(9)} ${state} for ${ago(since)}, ${pid === undefined ? "no process" : `pid ${pid}`}, restarts ${restarts}, ${where}`,
    );
  }
  // HTTP is in the first line.
  for (const { name, address } of status.service.listeners.slice(1)) lines.push(`  ${name.padEnd(9)} ${address}`);
  if (model !== null)
    lines.push(`  model     ${model.name} (${model.id}, ${model.precision}${encoderNote(stats?.encoderForm)})`);
  if (stats !== null) {
    const latency =
      stats.latencyMs === undefined
        ? ""
        : `, latency p50 ${Math.round(stats.latencyMs.p50)} ms, p95 ${Math.round(stats.latencyMs.p95)} ms`;
    lines.push(`  sessions  ${stats.sessionsActive} of ${stats.sessionsMax}, ${stats.waiting} waiting`);
    if (stats.jobs !== undefined) {
      const { queued, active, waitingAudioS, oldestS } = stats.jobs;
      const oldest = queued === 0 ? "" : `, oldest waits ${seconds(oldestS * 1000)}`;
      lines.push(`  jobs      ${active} running, ${queued} queued, ${seconds(waitingAudioS * 1000)} of audio${oldest}`);
    }
    const rate =
      rates === null
        ? ""
        : `, ${rates.requestsPerMinute}/min, ${rates.failuresPerMinute} failed/min, audio ×${rates.audioSpeed}`;
    lines.push(`  requests  ${stats.requestsTotal}${rate}${latency}`);
    if (stats.apiKeys !== undefined)
      lines.push(`  keys      ${stats.apiKeys} ${stats.apiKeys === 1 ? "key" : "keys"}, required for every request`);
    lines.push(`  memory    runtime ${mib(stats.rssBytes)}, supervisor ${mib(status.supervisor.rssBytes)}`);
  }
  if (status.operation !== null) lines.push(`  doing     ${status.operation.name} since ${status.operation.since}`);
  for (const issue of status.issues)
    lines.push(`  ${issue.severity}: ${issue.text} [${issue.id}]`, `    → ${issue.cure}`);
  return lines;
}

/** Disks, certificates, rendered files and the last audit, for `gigastt status`. */
export function careLines({ care }: StatusReport): string[] {
  const lines = care.disks.map(
    ({ what, dir, freeBytes, totalBytes }) =>
      `  disk      ${what}: ${gb(freeBytes)} of ${gb(totalBytes)} free (${dir})`,
  );
  for (const { file, daysLeft } of care.certificates)
    lines.push(`  certificate ${file}: ${daysLeft === null ? "cannot be read" : `${daysLeft} days left`}`);
  const { rendered, audit } = care;
  if (rendered !== null) {
    const { current, stale, edited, dir } = rendered;
    lines.push(`  rendered  ${current.length} current, ${stale.length} stale, ${edited.length} edited in ${dir}`);
  }
  lines.push(
    audit === null
      ? "  audit     never; run gigastt audit"
      : `  audit     ${audit.at}: ${audit.errors} errors, ${audit.warnings} warnings, ${audit.notices} notices`,
  );
  return lines;
}

/** One event as one line for people. */
export function describeEvent(event: SupervisorEvent): string {
  const { level, event: name, process, ...fields } = event;
  if (name === "stopping") return "Stopping.";
  if (name === "stopped")
    return fields["clean"] === true ? "Stopped." : `warn: Stopped, but not cleanly: ${String(fields["end"])}`;
  const who = process === undefined ? "" : `${process} `;
  const prefix = level === "info" ? "" : `${level}: `;
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return [`${prefix}${who}${name.replaceAll("_", " ")}`, ...rest].join("  ");
}

// ---

function ago(since: string): string {
  return seconds(Math.max(0, Date.now() - Date.parse(since)));
}

function seconds(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / 86_400_000)} days`;
}

function gb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** In which form the encoder is computed, where that is not the one of its file. */
function encoderNote(form: string | undefined): string {
  if (form === "rewritten") return ", encoder rewritten";
  return form === "rewriting" ? ", encoder is being rewritten" : "";
}
