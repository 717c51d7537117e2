import { supervisorReport } from "./supervisor-report.ts";
import { createMetrics } from "../../src/runtime/metrics/metrics.ts";
import type { ModelInfo } from "../../src/engine/contract.ts";

export interface KnownMetric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Every metric of the server, by name, with the labels that its samples carry. */
export async function knownMetrics(): Promise<ReadonlyMap<string, KnownMetric>> {
  const metrics = createMetrics(
    {
      admission: () => ({ available: 0, total: 0, waiters: 0 }),
      engine: () => ({
        workers: 0,
        busyWorkers: 0,
        queuedWindows: 0,
        audioSecondsTotal: 0,
        encodedSecondsTotal: 0,
        inferenceSecondsTotal: 0,
        workerRestartsTotal: 0,
      }),
      live: () => ({ speaking: 0, sustainable: 1, realTimeFactor: undefined, canOpenMore: true, reason: undefined }),
      jobs: () => undefined,
      archive: () => undefined,
      uploadBytes: () => 0,
      rateBuckets: () => 0,
      sessions: () => 0,
      ready: () => true,
      draining: () => false,
      model: (): ModelInfo => MODEL,
      supervisor: () =>
        supervisorReport({
          issues: [{ id: "disk_low", severity: "error", text: "", cure: "" }],
          certificates: [{ file: "a.pem", daysLeft: 3 }],
          disks: [{ what: "state", freeBytes: 1 }],
        }),
    },
    "1",
  );
  metrics.request("GET", "/health", 200, 1);
  metrics.error("timeout");
  metrics.lent("file");
  metrics.sessionEnd(1000, 1);
  metrics.drain("cut", 1);
  const { body } = await metrics.text();
  metrics.close();
  return new Map(
    [...body.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => {
      const sample = new RegExp(`^${name}(?:_count)?\\{([^}]*)\\}`, "m").exec(body)?.[1] ?? "";
      return [name, { type, labels: [...sample.matchAll(/(\w+)="/g)].map(([, label = ""]) => label) }];
    }),
  );
}

const MODEL = { id: "m", name: "m", precision: "int8", notice: undefined } as ModelInfo; // the metrics read no other field
