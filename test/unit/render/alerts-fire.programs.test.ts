import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderFiles } from "../../../src/render/render.ts";
import { createRealPlace, type RealPlace } from "../../e2e/supervisor/real-place.ts";
import { freePorts, findTool } from "../../contract/proxy/front.ts";
import { spawnLeashed } from "../../support/leash.ts";
import { createPacedEngine } from "../../support/paced-engine.ts";
import { configWith, startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { wavFile } from "../../../src/shared/wav.ts";

const PROMETHEUS = findTool("prometheus");

// A real Prometheus reads a real server by the rendered files; only the waits before an alert fires are left out.
describe.skipIf(PROMETHEUS === undefined)(
  `alerts in a running Prometheus${PROMETHEUS === undefined ? " (skipped: prometheus is not installed)" : ""}`,
  () => {
    let dir: string;
    let server: TestServer;
    let watcher: Watcher;
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), "gigastt-prometheus-"));
      server = await startTestServer({
        config: { metrics: { enabled: true }, pool: { ...configWith().pool, size: 1, queue: 0 } },
        engine: createPacedEngine({ transcribeMs: 500 }),
      });
      watcher = await watch(dir, { metrics: { enabled: true }, server: { ...configWith().server, port: server.port } });
    });
    afterAll(async () => {
      await watcher?.stop();
      await server?.close();
      rmSync(dir, { recursive: true, force: true });
    });

    it("the first refusals of a full queue are seen", async () => {
      await expect.poll(() => watcher.up(), { timeout: 30_000 }).toBe("1");
      expect(await watcher.firing()).not.toContain("GigasttQueueFull");
      const slow = wavFile(new Int16Array(16_000 * 5));
      const answers = await Promise.all(
        Array.from({ length: 4 }, () =>
          fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(slow) }),
        ),
      );
      expect(answers.map(({ status }) => status)).toContain(503);
      await expect.poll(() => watcher.firing(), { timeout: 20_000 }).toContain("GigasttQueueFull");
    });

    it("the request behind a bucket is found by its id", async () => {
      const slow = wavFile(new Int16Array(16_000));
      const headers = { "x-request-id": "slow-one" };
      await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: new Uint8Array(slow), headers });
      const query = "gigastt_http_request_duration_seconds_bucket";
      const found = async (): Promise<unknown> => {
        const seconds = Math.round(Date.now() / 1000);
        return watcher.get(`/query_exemplars?query=${query}&start=${seconds - 600}&end=${seconds + 60}`);
      };
      await expect.poll(async () => JSON.stringify(await found()), { timeout: 20_000 }).toContain("slow-one");
    });

    it("a server that is gone is seen", async () => {
      await server.close();
      await expect.poll(() => watcher.firing(), { timeout: 20_000 }).toContain("GigasttDown");
    });
  },
);

const CANNOT = PROMETHEUS === undefined ? "prometheus is not installed" : process.getuid?.() === 0 ? "" : "needs root";

// The whole appliance: its state on a disk of 90 MB, its certificate too old, its server killed again and again.
describe.skipIf(CANNOT !== "")(`alerts about an appliance${CANNOT === "" ? "" : ` (skipped: ${CANNOT})`}`, () => {
  let place: RealPlace;
  let watcher: Watcher;
  let isMounted = false;
  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    const pki = mkdtempSync(join(tmpdir(), "gigastt-expired-"));
    const longAgo = new Date(Date.now() - 500 * 86_400_000);
    const ended = await createServerCertificate(await createCa("test", longAgo), ["asr.test"], longAgo);
    writeFileSync(join(pki, "cert.pem"), ended.certificate);
    writeFileSync(join(pki, "key.pem"), ended.privateKey, { mode: 0o600 });
    place = createRealPlace(`server: { port: ${port} }
metrics: { enabled: true }
deploy:
  domain: asr.test
  proxy: { kind: nginx }
  tls: { mode: files, certificateFile: ${join(pki, "cert.pem")}, privateKeyFile: ${join(pki, "key.pem")} }
`);
    mkdirSync(place.stateDir);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=90m,mode=0700", "tmpfs", place.stateDir]);
    isMounted = true;
    await place.up();
    watcher = await watch(place.dir, { metrics: { enabled: true }, server: { ...configWith().server, port } });
  });
  afterAll(async () => {
    await watcher?.stop();
    await place?.gigastt("down", "--now").catch(() => {});
    if (isMounted) execFileSync("umount", ["-l", place.stateDir]);
    await place?.cleanUp();
  });

  it("a disk that is nearly full and an expired certificate are seen", async () => {
    await expect
      .poll(() => watcher.firing(), { timeout: 40_000 })
      .toEqual(
        expect.arrayContaining(["GigasttDiskFull", "GigasttDiskLow", "GigasttCertificateExpired", "GigasttIssue"]),
      );
    expect(await watcher.firing()).not.toContain("GigasttRestarting");
  });

  it("a server that is started again and again is seen", { timeout: 180_000 }, async () => {
    for (let kills = 1; kills <= 3; kills++) {
      const { processes } = await place.readyAfter(kills - 1);
      const before = await watcher.starts();
      process.kill(processes[0]!.pid!, "SIGKILL");
      await place.readyAfter(kills);
      // Each start must have been read once.
      await expect.poll(() => watcher.starts(), { timeout: 20_000 }).toBeGreaterThan(before);
    }
    await expect.poll(() => watcher.firing(), { timeout: 20_000 }).toContain("GigasttRestarting");
  });
});

// ---

interface Watcher {
  get(path: string): Promise<unknown>;
  up(): Promise<string | undefined>;
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  /** How often the start time of the server has changed. */
  starts(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts Prometheus in `dir` on what is rendered for this server; it reads every second and waits with no alert. */
async function watch(dir: string, server: Parameters<typeof configWith>[0]): Promise<Watcher> {
  const about = { toolVersion: "1", configHash: "0".repeat(64) };
  for (const { path, text } of renderFiles(configWith(server), ["monitoring"], about)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    const quick = text.replace(/(_interval): 15s/g, "$1: 1s").replace(/^(\s+for): .*$/gm, "$1: 0s");
    writeFileSync(join(dir, path), quick);
  }
  const [port = 0] = await freePorts(1);
  const prometheus = spawnLeashed(
    PROMETHEUS!,
    [
      `--config.file=${join(dir, "monitoring/prometheus/prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
    ],
    { stdio: "ignore" },
  );
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`).catch(() => undefined);
    return answer === undefined ? undefined : ((await answer.json()) as { data: unknown }).data; // as Prometheus documents
  };
  const valueOf = async (query: string): Promise<string | undefined> => {
    const found = (await get(`/query?query=${encodeURIComponent(query)}`)) as
      | { result?: { value: [number, string] }[] }
      | undefined; // as Prometheus documents
    return found?.result?.[0]?.value[1];
  };
  return {
    get,
    up: () => valueOf('up{job="gigastt"}'),
    firing: async () => {
      const { alerts = [] } = ((await get("/alerts")) ?? {}) as {
        alerts?: { state: string; labels: { alertname: string } }[];
      }; // as Prometheus documents
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    starts: async () => Number((await valueOf('changes(process_start_time_seconds{job="gigastt"}[30m])')) ?? 0),
    stop: async () => void (await prometheus.kill()),
  };
}
