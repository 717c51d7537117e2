import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALERTS, RUNBOOK } from "../../../src/render/monitoring/alerts.ts";
import { dashboard } from "../../../src/render/monitoring/dashboard.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { renderYaml } from "../../../src/render/text/yaml.ts";
import { configWith } from "../../support/runtime-server.ts";

const missing = spawnSync("promtool", ["--version"]).error !== undefined;

interface Case {
  /** Series that make it fire, and how they go on, minute by minute. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Series of the same kind that do not. */
  readonly calm: Readonly<Record<string, string>>;
}

const S = 'job="gigastt",instance="box:9876"';
/** Cumulative buckets: all observations between two bounds. */
const histogram = (name: string, bounds: readonly string[], from: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    bounds.map((le) => [
      `${name}_bucket{${S},le="${le}"}`,
      le === "+Inf" || Number(le) >= Number(from) ? "0+10x60" : "0x60",
    ]),
  );
const CHECKOUT = "gigastt_pool_checkout_duration_seconds";
const PARTIAL = "gigastt_first_partial_seconds";

const CASES: Readonly<Record<string, Case>> = {
  GigasttDown: {
    series: { [`up{${S}}`]: "0x10" },
    at: "5m",
    summary: "box:9876 does not answer",
    calm: { [`up{${S}}`]: "1 0 1x10" },
  },
  GigasttNotReady: {
    series: { [`gigastt_ready{${S}}`]: "0x20", [`gigastt_draining{${S}}`]: "0x20" },
    at: "10m",
    summary: "box:9876 refuses new work: the model is not loaded, or the queue is full",
    calm: { [`gigastt_ready{${S}}`]: "0x20", [`gigastt_draining{${S}}`]: "1x20" },
  },
  GigasttRestarting: {
    series: { [`process_start_time_seconds{${S}}`]: "100x3 200x3 300x3 400x20" },
    at: "20m",
    summary: "box:9876 was started 3 times in half an hour",
    calm: { [`process_start_time_seconds{${S}}`]: "100x10 200x20" },
  },
  GigasttIssue: {
    series: { [`gigastt_issue{${S},issue="crash_loop",severity="error"}`]: "1x20" },
    at: "10m",
    labels: { issue: "crash_loop" },
    summary: "box:9876 reports crash_loop",
    calm: { [`gigastt_issue{${S},issue="model_notice",severity="notice"}`]: "1x20" },
  },
  GigasttQueueFull: {
    series: { [`gigastt_errors_total{${S},code="queue_full"}`]: "0+6x60" },
    at: "30m",
    summary: "box:9876 refused 60 requests in 10 minutes: its queue is full",
    calm: { [`gigastt_errors_total{${S},code="bad_request"}`]: "0+6x60" },
  },
  GigasttQueueSlow: {
    series: histogram(CHECKOUT, ["30", "60", "+Inf"], "60"),
    at: "30m",
    summary: "box:9876: work waits 58.5s for a slot (95 %)",
    calm: histogram(CHECKOUT, ["1", "30", "60", "+Inf"], "1"),
  },
  GigasttLiveSlow: {
    series: histogram(PARTIAL, ["2.5", "5", "+Inf"], "5"),
    at: "40m",
    summary: "box:9876: the first words of a live session come after 4.875s (95 %)",
    calm: histogram(PARTIAL, ["0.5", "2.5", "+Inf"], "0.5"),
  },
  GigasttLiveRefused: {
    series: { [`gigastt_live_refusals_total{${S}}`]: "0+1x60" },
    at: "20m",
    summary: "box:9876 refused live sessions: the machine keeps up with no more of them",
    calm: { [`gigastt_live_refusals_total{${S}}`]: "7x60" },
  },
  GigasttErrors: {
    series: {
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="200"}`]: "0+90x60",
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="500"}`]: "0+10x60",
    },
    at: "40m",
    summary: "box:9876: 10% of the requests fail",
    calm: {
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="200"}`]: "0+90x60",
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="503"}`]: "0+10x60",
    },
  },
  GigasttWorkersFailing: {
    series: { [`gigastt_worker_restarts_total{${S}}`]: "0x5 1x5 2x5 4x20" },
    at: "29m",
    summary: "box:9876: 4 inference workers were replaced in half an hour",
    calm: { [`gigastt_worker_restarts_total{${S}}`]: "0x5 1x30" },
  },
  GigasttEventLoopBlocked: {
    series: { [`gigastt_event_loop_lag_seconds{${S},quantile="0.99"}`]: "2x20" },
    at: "10m",
    labels: { quantile: "0.99" },
    summary: "box:9876 answers late: its event loop is delayed by 2s",
    calm: { [`gigastt_event_loop_lag_seconds{${S},quantile="0.99"}`]: "2 0.01x20" },
  },
  GigasttDrainCut: {
    series: { [`gigastt_cut_drains{${S}}`]: "0x10 1x20" },
    at: "20m",
    summary: "box:9876: work was cut off at a restart or reload",
    calm: { [`gigastt_cut_drains{${S}}`]: "1x30" },
  },
  GigasttCertificateExpiring: {
    series: { [`gigastt_certificate_days_left{${S},file="/etc/a.pem"}`]: "13x90" },
    at: "80m",
    labels: { file: "/etc/a.pem" },
    summary: "/etc/a.pem on box:9876 ends in 13 days",
    calm: { [`gigastt_certificate_days_left{${S},file="/etc/a.pem"}`]: "30x90" },
  },
  GigasttCertificateExpired: {
    series: { [`gigastt_certificate_days_left{${S},file="/etc/a.pem"}`]: "-2x10" },
    at: "5m",
    labels: { file: "/etc/a.pem" },
    summary: "/etc/a.pem on box:9876 has ended or ends today",
    calm: { [`gigastt_certificate_days_left{${S},file="/etc/a.pem"}`]: "1x10" },
  },
  GigasttDiskLow: {
    series: { [`gigastt_disk_free_bytes{${S},disk="state"}`]: "524288000x20" },
    at: "10m",
    labels: { disk: "state" },
    summary: "500MiB are free for the state of box:9876",
    calm: { [`gigastt_disk_free_bytes{${S},disk="state"}`]: "2000000000x20" },
  },
  GigasttDiskFull: {
    series: { [`gigastt_disk_free_bytes{${S},disk="state"}`]: "52428800x20" },
    at: "10m",
    labels: { disk: "state" },
    summary: "50MiB are free for the state of box:9876",
    calm: { [`gigastt_disk_free_bytes{${S},disk="state"}`]: "524288000x20" },
  },
  GigasttDemoModel: {
    series: { [`gigastt_model_info{${S},model="demo",precision="int8",demo="true"}`]: "1x90" },
    at: "80m",
    labels: { model: "demo", precision: "int8", demo: "true" },
    summary: "box:9876 serves the demo model, which knows a few hundred phrases",
    calm: { [`gigastt_model_info{${S},model="gigaam",precision="int8",demo="false"}`]: "1x90" },
  },
  GigasttRateLimited: {
    series: {
      [`gigastt_rate_limit_rejections_total{${S}}`]: "0+50x60",
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="429"}`]: "0+100x60",
    },
    at: "40m",
    summary: "box:9876 refuses 50% of the requests by the rate limit",
    calm: {
      [`gigastt_rate_limit_rejections_total{${S}}`]: "0+1x60",
      [`gigastt_http_requests_total{${S},path="/v1/transcribe",status="200"}`]: "0+100x60",
    },
  },
  GigasttForwardedForged: {
    series: { [`gigastt_forwarded_appended_total{${S}}`]: "0+1x20" },
    at: "10m",
    summary: "the proxy before box:9876 lets clients choose their address",
    calm: { [`gigastt_forwarded_appended_total{${S}}`]: "5x20" },
  },
  GigasttJobsWaiting: {
    series: { [`gigastt_jobs_oldest_seconds{${S}}`]: "7200x20" },
    at: "15m",
    summary: "a job on box:9876 has waited for 2h 0m 0s",
    calm: { [`gigastt_jobs_oldest_seconds{${S}}`]: "1800x20" },
  },
  GigasttJobsStuck: {
    series: { [`gigastt_jobs_stuck{${S}}`]: "2x20" },
    at: "10m",
    summary: "jobs on box:9876 that lost their worker: 2",
    calm: { [`gigastt_jobs_stuck{${S}}`]: "2 0x20" },
  },
  GigasttJobsDead: {
    series: { [`gigastt_jobs_dead{${S}}`]: "1x5" },
    at: "3m",
    summary: "jobs on box:9876 that failed after all attempts: 1",
    calm: { [`gigastt_jobs_dead{${S}}`]: "0x5" },
  },
  GigasttReplicasDiffer: {
    series: { [`gigastt_jobs_differing_replicas{${S}}`]: "1x20" },
    at: "17m",
    summary: "replicas with another configuration than box:9876: 1",
    // A rolling upgrade takes minutes.
    calm: { [`gigastt_jobs_differing_replicas{${S}}`]: "1x10 0x10" },
  },
  GigasttArchiveSkips: {
    series: { [`gigastt_archive_skipped_total{${S}}`]: "0x5 3x5" },
    at: "8m",
    summary: "transcripts that box:9876 could not archive in the last hour: 3",
    calm: { [`gigastt_archive_skipped_total{${S}}`]: "3x20" },
  },
};

describe.skipIf(missing)(
  `alerts and dashboard by promtool${missing ? " (skipped: promtool is not installed)" : ""}`,
  () => {
    let dir: string;
    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), "gigastt-promtool-"));
      const config = configWith({ metrics: { enabled: true } });
      for (const { path, text } of renderFiles(config, ["monitoring"], {
        toolVersion: "1",
        configHash: "0".repeat(64),
      })) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    const promtool = (...args: string[]): string => {
      try {
        return execFileSync("promtool", args, {
          cwd: join(dir, "monitoring/prometheus"),
          encoding: "utf8",
          stdio: "pipe",
        });
      } catch (error) {
        const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string }; // of a child process
        throw new Error(`${stdout}${stderr}`, { cause: error });
      }
    };

    it("reads the configuration and the rules", () => {
      expect(promtool("check", "config", "prometheus.yml")).toContain("SUCCESS");
      expect(promtool("check", "rules", "alerts.yml")).toContain(`${ALERTS.length} rules found`);
    });

    it("each alert fires on its series with the right words, and stays silent on calm ones", () => {
      expect(Object.keys(CASES)).toEqual(ALERTS.map(({ name }) => name));
      const tests = ALERTS.flatMap(({ name, severity }) => {
        const { series, calm, at, labels = {}, summary } = CASES[name]!; // just checked
        // The aggregates and what is of one series alone keep other labels.
        const job = /^sum|^histogram/.test(ALERTS.find((alert) => alert.name === name)!.expr) ? {} : { job: "gigastt" };
        const fired = {
          exp_labels: { severity, instance: "box:9876", ...job, ...labels },
          exp_annotations: { summary, runbook: `${RUNBOOK}#${name.toLowerCase()}` },
        };
        return [
          [series, [fired]],
          [calm, []],
        ].map(([input, expected]) => ({
          interval: "1m",
          input_series: Object.entries(input as Case["series"]).map(([key, values]) => ({ series: key, values })),
          alert_rule_test: [{ eval_time: at, alertname: name, exp_alerts: expected }],
        }));
      });
      writeFileSync(
        join(dir, "monitoring/prometheus/tests.yml"),
        renderYaml({ rule_files: ["alerts.yml"], evaluation_interval: "1m", tests }),
      );
      expect(promtool("test", "rules", "tests.yml")).toContain("SUCCESS");
    });

    it("understands every query of the dashboard", () => {
      const panels = dashboard()["panels"] as readonly { targets?: readonly { expr: string }[] }[]; // as the renderer builds them
      const rules = panels
        .flatMap(({ targets = [] }) => targets)
        .map(({ expr }, index) => ({
          record: `query_${index}`,
          expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", "gigastt").replaceAll("$instance", ".*"),
        }));
      writeFileSync(
        join(dir, "monitoring/prometheus/queries.yml"),
        renderYaml({ groups: [{ name: "queries", rules }] }),
      );
      expect(promtool("check", "rules", "queries.yml")).toContain(`${rules.length} rules found`);
    });
  },
);
