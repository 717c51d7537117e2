import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderFiles } from "../../../src/render/render.ts";
import { freePorts, findTool } from "../../contract/proxy/front.ts";
import { spawnLeashed, type Leashed } from "../../support/leash.ts";
import { createPacedEngine } from "../../support/paced-engine.ts";
import { configWith, startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { supervisorReport } from "../../support/supervisor-report.ts";
import { wavFile } from "../../../src/shared/wav.ts";

const PROMETHEUS = findTool("prometheus");

// A real Prometheus reads a real server by the rendered files; only the waits before an alert fires are left out.
describe.skipIf(PROMETHEUS === undefined)(
  `alerts in a running Prometheus${PROMETHEUS === undefined ? " (skipped: prometheus is not installed)" : ""}`,
  () => {
    let dir: string;
    let server: TestServer;
    let prometheus: Leashed;
    let api: string;
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), "gigastt-prometheus-"));
      server = await startTestServer({
        config: { metrics: { enabled: true }, pool: { ...configWith().pool, size: 1, queue: 0 } },
        engine: createPacedEngine({ transcribeMs: 500 }),
      });
      const config = configWith({
        metrics: { enabled: true },
        server: { ...configWith().server, port: server.port },
      });
      const about = { toolVersion: "1", configHash: "0".repeat(64) };
      for (const { path, text } of renderFiles(config, ["monitoring"], about)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        const quick = text.replace(/(_interval): 15s/g, "$1: 1s").replace(/^(\s+for): .*$/gm, "$1: 0s");
        writeFileSync(join(dir, path), quick);
      }
      const [port = 0] = await freePorts(1);
      api = `http://127.0.0.1:${port}/api/v1`;
      prometheus = spawnLeashed(
        PROMETHEUS!,
        [
          `--config.file=${join(dir, "monitoring/prometheus/prometheus.yml")}`,
          `--storage.tsdb.path=${join(dir, "data")}`,
          `--web.listen-address=127.0.0.1:${port}`,
          "--enable-feature=exemplar-storage",
        ],
        { stdio: "ignore" },
      );
    });
    afterAll(async () => {
      await prometheus?.kill();
      await server?.close();
      rmSync(dir, { recursive: true, force: true });
    });

    const get = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${api}${path}`).catch(() => undefined);
      return answer === undefined ? undefined : ((await answer.json()) as { data: unknown }).data; // as Prometheus documents
    };
    const upTargets = async (): Promise<string | undefined> => {
      const found = (await get('/query?query=up{job="gigastt"}')) as
        | { result?: { value: [number, string] }[] }
        | undefined;
      return found?.result?.[0]?.value[1];
    };
    const firing = async (): Promise<readonly string[]> => {
      const { alerts = [] } = ((await get("/alerts")) ?? {}) as {
        alerts?: { state: string; labels: { alertname: string }; annotations: { summary: string } }[];
      };
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    };

    it("the first refusals of a full queue are seen", async () => {
      await expect.poll(upTargets, { timeout: 30_000 }).toBe("1");
      expect(await firing()).not.toContain("GigasttQueueFull");
      const slow = wavFile(new Int16Array(16_000 * 5));
      const answers = await Promise.all(
        Array.from({ length: 4 }, () =>
          fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(slow) }),
        ),
      );
      expect(answers.map(({ status }) => status)).toContain(503);
      await expect.poll(firing, { timeout: 20_000 }).toContain("GigasttQueueFull");
    });

    it("the request behind a bucket is found by its id", async () => {
      const slow = wavFile(new Int16Array(16_000));
      const headers = { "x-request-id": "slow-one" };
      await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(slow), headers });
      const query = "gigastt_http_request_duration_seconds_bucket";
      const found = async (): Promise<unknown> => {
        const seconds = Math.round(Date.now() / 1000);
        return get(`/query_exemplars?query=${query}&start=${seconds - 600}&end=${seconds + 60}`);
      };
      await expect.poll(async () => JSON.stringify(await found()), { timeout: 20_000 }).toContain("slow-one");
    });

    it("an expired certificate and an issue of the supervisor are seen", async () => {
      server.runtime.context.phase.supervisor = supervisorReport({
        certificates: [{ file: "/etc/tls/a.pem", daysLeft: -1 }],
        issues: [{ id: "certificate_expired", severity: "error", text: "it expired", cure: "renew it" }],
      });
      await expect
        .poll(firing, { timeout: 20_000 })
        .toEqual(expect.arrayContaining(["GigasttCertificateExpired", "GigasttIssue"]));
    });

    it("a server that is gone is seen", async () => {
      await server.close();
      await expect.poll(firing, { timeout: 20_000 }).toContain("GigasttDown");
    });
  },
);
