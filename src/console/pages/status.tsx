import type { JSX } from "preact";
import type { ConsoleStatus } from "../../shared/console-status.ts";
import type { SupervisorReport } from "../../shared/process/messages.ts";
import { ROUTES } from "../../shared/protocol.ts";
import { timeOf, timeText } from "../i18n/time.ts";
import { t } from "../i18n/text.ts";
import { Command } from "../parts/command.tsx";
import { Charts } from "../parts/status/charts.tsx";
import { Audit, Certificates, Configuration, Fold } from "../parts/status/details.tsx";
import { Logs } from "../parts/status/logs.tsx";
import { Operations } from "../parts/status/operations.tsx";
import { useAsked } from "../wire/operator.ts";
import { session } from "../wire/session.ts";

const EVERY_MS = 2000;

/** Of the server, the supervisor and its processes. */
const STATES = [
  "ready",
  "initializing",
  "pool_exhausted",
  "shutting_down",
  "ok",
  "starting",
  "restarting",
  "degraded",
  "down",
  "stopping",
  "stopped",
  "unresponsive",
  "waiting",
  "crash_loop",
] as const;

function stateText(state: string): string {
  const known = STATES.find((name) => name === state);
  return known === undefined ? state : t(`state_${known}`);
}

/** Numbers of the server, for the person who runs it. */
export function StatusPage(): JSX.Element {
  const now = useAsked<ConsoleStatus>(ROUTES.consoleStatus.path, EVERY_MS).value;
  return (
    <section class="status" aria-label={t("status")}>
      <h1>{t("status")}</h1>
      {now === "refused" && (
        <>
          <p>{t(session.value?.required === true ? "status_admin" : "status_local")}</p>
          <p>{t("status_open")}</p>
          <Command text="gigastt status" />
        </>
      )}
      {typeof now === "object" && <Numbers status={now} />}
    </section>
  );
}

function Numbers({ status }: { status: ConsoleStatus }): JSX.Element {
  const { live, model, requests, supervisor } = status;
  const latency = requests.latency_ms;
  return (
    <>
      {supervisor?.issues.map(({ severity, text, cure }) => (
        <div key={text} class={severity === "notice" ? "notice" : "notice bad"}>
          <p lang="en">{text}</p>
          <Command text={cure} />
        </div>
      ))}
      <div class="status-groups">
        <Group
          title={t("process")}
          rows={[
            [t("state"), stateText(status.state)],
            [t("model"), model === null ? "–" : `${model.name} (${model.precision})`],
            [t("version"), status.version],
            [t("uptime"), timeText(status.uptime_s)],
            [t("memory"), `${Math.round(status.rss_bytes / 2 ** 20)} MiB`],
          ]}
        />
        <Group
          title={t("work")}
          rows={[
            [t("slots"), `${status.slots.used} / ${status.slots.total}`],
            [t("queue"), String(status.waiting)],
            [t("audio_total"), timeText(status.audio_seconds_total)],
            [t("rtf"), live.real_time_factor === null ? "–" : t("seconds", { n: live.real_time_factor.toFixed(3) })],
          ]}
        />
        <Group
          title={t("live")}
          rows={[
            [t("sessions"), String(live.sessions)],
            [t("speaking"), String(live.speaking)],
            [t("capacity"), String(live.sustainable)],
          ]}
        />
        <Group
          title={t("requests")}
          rows={[
            [t("requests"), String(requests.total)],
            [t("failures"), String(requests.failed)],
            [
              t("latency_ms"),
              latency === null ? "–" : [latency.p50, latency.p95, latency.p99].map(Math.round).join(" / "),
            ],
          ]}
        />
        {supervisor !== null && (
          <Group
            title={t("processes")}
            rows={[
              [t("state"), stateText(supervisor.overall)],
              [t("supervisor"), `${Math.round(supervisor.rssBytes / 2 ** 20)} MiB`],
              ...supervisor.processes.map(
                ({ name, state, since, restarts }) =>
                  [name, t("process_line", { state: stateText(state), since: timeOf(since), n: restarts })] as const,
              ),
            ]}
          />
        )}
      </div>
      <p class="hint">{t("updated")}</p>
      {supervisor === null ? <p class="hint">{t("unsupervised")}</p> : <Supervised report={supervisor} />}
    </>
  );
}

/** What only a supervisor knows and can do. */
function Supervised({ report }: { report: SupervisorReport }): JSX.Element {
  return (
    <>
      <Charts />
      <Operations report={report} />
      <Fold title={t("certificates")}>{() => <Certificates report={report} />}</Fold>
      <Fold title={t("audit")}>{() => <Audit />}</Fold>
      <Fold title={t("config")}>{() => <Configuration />}</Fold>
      <Fold title={t("log")}>{() => <Logs />}</Fold>
    </>
  );
}

function Group({ title, rows }: { title: string; rows: readonly (readonly [string, string])[] }): JSX.Element {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name} class="pair">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
