import { findIssues } from "./issues.ts";
import type { Issue, IssueFacts } from "./issues.ts";
import { overallOf } from "./status.ts";
import type { StatusReport } from "./status.ts";
import type { ConfigCell, Parts, SupervisorOptions } from "../parts.ts";
import { placeText } from "../../shared/listeners.ts";
import { uncollectedProcesses } from "./zombies.ts";

/** What only the supervisor itself knows. */
export interface StatusNow {
  readonly options: Pick<SupervisorOptions, "version" | "paths">;
  readonly cell: Readonly<ConfigCell>;
  readonly startedMs: number;
  readonly stopping: boolean;
  readonly operation: StatusReport["operation"];
  readonly configTrouble: IssueFacts["configTrouble"];
  readonly setTrouble: Issue | undefined;
}

/** The answer of `status`, out of what every part says about itself. Waits for nothing. */
export function buildStatus(parts: Parts, now: StatusNow): StatusReport {
  const { service, proxy, redis, upkeep, logs, meter, history } = parts;
  const { loaded, loadedAt } = now.cell;
  const facts = service.facts();
  const processes = [service.process.snapshot(), ...proxy.snapshots(), ...redis.snapshots()];
  const issues = findIssues({
    processes,
    logTrouble: logs.runtime.trouble() ?? logs.supervisor.trouble(),
    historyTrouble: history.trouble(),
    modelNotice: facts?.model?.notice,
    configTrouble: now.configTrouble,
    companionTroubles: [...proxy.troubles(), ...redis.troubles()],
    apiKeys: facts?.stats?.apiKeys,
    upkeep: [...upkeep.issues(), ...(now.setTrouble === undefined ? [] : [now.setTrouble])],
    memory:
      facts?.stats === undefined
        ? undefined
        : { rssBytes: facts.stats.rssBytes, limitBytes: loaded.config.supervisor.memoryLimitBytes },
    jobs: facts?.stats?.jobs,
    uncollected: uncollectedProcesses(),
    logsDir: now.options.paths.logsDir,
    nowMs: Date.now(),
  });
  return {
    format: 1,
    overall: overallOf(processes[0], {
      stopping: now.stopping,
      issues: issues.filter((issue) => issue.severity !== "notice").length,
    }),
    supervisor: {
      pid: process.pid,
      version: now.options.version,
      node: process.version,
      startedAt: new Date(now.startedMs).toISOString(),
      uptimeS: Math.round(process.uptime()),
      rssBytes: process.memoryUsage.rss(),
      timers: process.getActiveResourcesInfo().filter((type) => type === "Timeout").length,
      stateDir: now.options.paths.dir,
    },
    service: {
      url: service.url,
      host: service.http.host,
      port: service.http.port,
      activated: service.http.inherited,
      listeners: service.listeners.map(({ name, place, inherited }) => ({
        name,
        address: placeText(place),
        activated: inherited,
      })),
      publicUrl: proxy.publicUrl() ?? null,
    },
    config: { path: loaded.path ?? null, hash: loaded.hash, loadedAt },
    processes,
    model: facts?.model ?? null,
    runtime: facts?.stats ?? null,
    rates: meter.rates(),
    operation: now.operation,
    care: upkeep.report(),
    issues,
  };
}
