/** An alert of Prometheus. Its name is also the anchor of its section in docs/monitoring.md. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  readonly severity: "critical" | "warning" | "info";
  /** One line, in which Prometheus fills in labels and the value. */
  readonly summary: string;
}

/** Where the sections of the alerts are read. */
export const RUNBOOK = "docs/monitoring.md";

/** Selects the series of this server; the job of the rendered scrape configuration. */
export const JOB = "gigastt";

const of = (metric: string, labels = ""): string => `${metric}{job="${JOB}"${labels === "" ? "" : `,${labels}`}}`;
const p95 = (histogram: string, window: string): string =>
  `histogram_quantile(0.95, sum by (instance, le) (rate(${of(`${histogram}_bucket`)}[${window}])))`;

/** What the service promises, one alert for each way to break it. Order of the documentation. */
export const ALERTS: readonly Alert[] = [
  {
    name: "GigasttDown",
    expr: `up{job="${JOB}"} == 0`,
    for: "2m",
    severity: "critical",
    summary: "{{ $labels.instance }} does not answer",
  },
  {
    name: "GigasttNotReady",
    expr: `${of("gigastt_ready")} == 0 and ${of("gigastt_draining")} == 0`,
    for: "5m",
    severity: "critical",
    summary: "{{ $labels.instance }} refuses new work: the model is not loaded, or the queue is full",
  },
  {
    name: "GigasttRestarting",
    expr: `changes(${of("process_start_time_seconds")}[30m]) >= 3`,
    for: "0m",
    severity: "warning",
    summary: "{{ $labels.instance }} was started {{ $value }} times in half an hour",
  },
  {
    name: "GigasttIssue",
    expr: `${of("gigastt_issue", 'severity="error"')} == 1`,
    for: "5m",
    severity: "critical",
    summary: "{{ $labels.instance }} reports {{ $labels.issue }}",
  },
  {
    name: "GigasttQueueFull",
    expr: `sum by (instance) (increase(${of("gigastt_errors_total", 'code="queue_full"')}[10m])) > 0`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} refused {{ $value | humanize }} requests in 10 minutes: its queue is full",
  },
  {
    name: "GigasttQueueSlow",
    expr: `${p95("gigastt_pool_checkout_duration_seconds", "10m")} > 30`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }}: work waits {{ $value | humanizeDuration }} for a slot (95 %)",
  },
  {
    name: "GigasttLiveSlow",
    expr: `${p95("gigastt_first_partial_seconds", "15m")} > 3`,
    for: "10m",
    severity: "warning",
    summary:
      "{{ $labels.instance }}: the first words of a live session come after {{ $value | humanizeDuration }} (95 %)",
  },
  {
    name: "GigasttLiveRefused",
    expr: `increase(${of("gigastt_live_refusals_total")}[15m]) > 0`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} refused live sessions: the machine keeps up with no more of them",
  },
  {
    name: "GigasttErrors",
    expr: `sum by (instance) (rate(${of("gigastt_http_requests_total", 'status=~"5..",status!="503"')}[10m])) / sum by (instance) (rate(${of("gigastt_http_requests_total", 'path!~"/health|/ready|/metrics"')}[10m])) > 0.02`,
    for: "10m",
    severity: "critical",
    summary: "{{ $labels.instance }}: {{ $value | humanizePercentage }} of the requests fail",
  },
  {
    name: "GigasttWorkersFailing",
    expr: `increase(${of("gigastt_worker_restarts_total")}[30m]) >= 3`,
    for: "0m",
    severity: "critical",
    summary: "{{ $labels.instance }}: {{ $value | humanize }} inference workers were replaced in half an hour",
  },
  {
    name: "GigasttEventLoopBlocked",
    expr: `${of("gigastt_event_loop_lag_seconds", 'quantile="0.99"')} > 0.5`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} answers late: its event loop is delayed by {{ $value | humanizeDuration }}",
  },
  {
    name: "GigasttDrainCut",
    expr: `increase(${of("gigastt_cut_drains")}[1h]) > 0 or increase(${of("gigastt_drain_total", 'outcome="cut"')}[1h]) > 0`,
    for: "0m",
    severity: "warning",
    summary: "{{ $labels.instance }}: work was cut off at a restart or reload",
  },
  {
    name: "GigasttCertificateExpiring",
    expr: `${of("gigastt_certificate_days_left")} < 14`,
    for: "1h",
    severity: "warning",
    summary: "{{ $labels.file }} on {{ $labels.instance }} ends in {{ $value }} days",
  },
  {
    name: "GigasttCertificateExpired",
    expr: `${of("gigastt_certificate_days_left")} < 1`,
    for: "0m",
    severity: "critical",
    summary: "{{ $labels.file }} on {{ $labels.instance }} has ended or ends today",
  },
  {
    name: "GigasttDiskLow",
    expr: `${of("gigastt_disk_free_bytes")} < 1e9`,
    for: "5m",
    severity: "warning",
    summary: "{{ $value | humanize1024 }}B are free for the {{ $labels.disk }} of {{ $labels.instance }}",
  },
  {
    name: "GigasttDiskFull",
    expr: `${of("gigastt_disk_free_bytes")} < 1e8`,
    for: "1m",
    severity: "critical",
    summary: "{{ $value | humanize1024 }}B are free for the {{ $labels.disk }} of {{ $labels.instance }}",
  },
  {
    name: "GigasttDemoModel",
    expr: `${of("gigastt_model_info", 'demo="true"')} == 1`,
    for: "1h",
    severity: "info",
    summary: "{{ $labels.instance }} serves the demo model, which knows a few hundred phrases",
  },
  {
    name: "GigasttRateLimited",
    expr: `sum by (instance) (rate(${of("gigastt_rate_limit_rejections_total")}[10m])) / sum by (instance) (rate(${of("gigastt_http_requests_total", 'path!~"/health|/ready|/metrics"')}[10m])) > 0.1`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} refuses {{ $value | humanizePercentage }} of the requests by the rate limit",
  },
  {
    name: "GigasttForwardedForged",
    expr: `increase(${of("gigastt_forwarded_appended_total")}[10m]) > 0`,
    for: "0m",
    severity: "warning",
    summary: "the proxy before {{ $labels.instance }} lets clients choose their address",
  },
  {
    name: "GigasttJobsWaiting",
    expr: `${of("gigastt_jobs_oldest_seconds")} > 3600`,
    for: "10m",
    severity: "warning",
    summary: "a job on {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}",
  },
  {
    name: "GigasttJobsStuck",
    expr: `${of("gigastt_jobs_stuck")} > 0`,
    for: "5m",
    severity: "critical",
    summary: "jobs on {{ $labels.instance }} that lost their worker: {{ $value }}",
  },
  {
    name: "GigasttJobsDead",
    expr: `${of("gigastt_jobs_dead")} > 0`,
    for: "0m",
    severity: "warning",
    summary: "jobs on {{ $labels.instance }} that failed after all attempts: {{ $value }}",
  },
  {
    name: "GigasttReplicasDiffer",
    expr: `${of("gigastt_jobs_differing_replicas")} > 0`,
    for: "15m",
    severity: "warning",
    summary: "replicas with another configuration than {{ $labels.instance }}: {{ $value }}",
  },
  {
    name: "GigasttArchiveSkips",
    expr: `increase(${of("gigastt_archive_skipped_total")}[1h]) > 0`,
    for: "0m",
    severity: "warning",
    summary: "transcripts that {{ $labels.instance }} could not archive in the last hour: {{ $value | humanize }}",
  },
];

/** Returns the groups of a rules file. */
export function ruleGroups(): readonly unknown[] {
  return [
    {
      name: "gigastt",
      rules: ALERTS.map(({ name, expr, for: duration, severity, summary }) => ({
        alert: name,
        expr,
        ...(duration === "0m" ? {} : { for: duration }),
        labels: { severity },
        annotations: { summary, runbook: `${RUNBOOK}#${name.toLowerCase()}` },
      })),
    },
  ];
}
