import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { fuzzCases, SEED } from "../support/fuzz.ts";
import { openDescriptors } from "../support/memory.ts";
import { writeReport } from "../support/reports.ts";
import { startTestServer } from "../support/runtime-server.ts";

const PROGRAM = "/opt/gigastt-clients/bin/schemathesis";
const HOOKS = fileURLToPath(new URL("../fixtures/schemathesis-hooks.py", import.meta.url));
/** 20 000 requests on two cores; the programs of another suite may run beside it. */
const LIMIT_MS = 7_200_000;
const missing = existsSync(PROGRAM) ? "" : ` (skipped: ${PROGRAM} is missing, see .ci/tools.sh)`;

it.skipIf(missing !== "")(
  `schemathesis finds no answer that contradicts the OpenAPI document, and no 5xx${missing}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "gigastt-schemathesis-"));
    const server = await startTestServer({
      engine: createFakeEngine(),
      jobsDir: join(folder, "jobs"),
      archiveDir: join(folder, "archive"),
      config: {
        rateLimit: { perMinute: 0 },
        jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0 },
        archive: { ...defaultConfig.archive, enabled: true, shared: true, requests: true, diskReserveBytes: 0 },
      },
    });
    writeFileSync(
      join(folder, "schemathesis.toml"),
      // 403 and 412 are refusals of tus. Random bytes are a valid body of the document, and no audio. Fields of a form have no types. Jobs are
      // deleted by other sequences of the same run, which list them.
      "[checks]\nnegative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422]\n" +
        "missing_required_header.expected-statuses = [400, 403, 412]\npositive_data_acceptance.enabled = false\n" +
        "ensure_resource_availability.enabled = false\n" +
        '[[operations]]\ninclude-name = "POST /v1/audio/transcriptions"\nchecks.negative_data_rejection.enabled = false\n',
    );
    try {
      const descriptors = openDescriptors();
      const examples = String(fuzzCases(720, { sample: 10 }));
      const startedMs = performance.now();
      const { all, exitCode } = await execa(
        PROGRAM,
        [
          "run",
          `${server.url}/openapi.json`,
          `--max-examples=${examples}`,
          `--seed=${SEED}`,
          "--suppress-health-check=all",
        ],
        { cwd: folder, env: { SCHEMATHESIS_HOOKS: HOOKS }, all: true, reject: false, timeout: LIMIT_MS },
      );
      const requests = server.lines.filter(({ event }) => event === "request_end");
      const report = reportOf(requests, (performance.now() - startedMs) / 1000);
      expect(exitCode, `${report.join("\n")}\n${all}`).toBe(0);
      expect(requests.length).toBeGreaterThan(fuzzCases(20_000, { sample: 1000 }));
      const { runtime } = server;
      await expect
        .poll(() => [
          runtime.context.admission.available,
          runtime.context.uploads.heldBytes,
          runtime.context.exchanges.size,
        ])
        .toEqual([4, 0, 0]);
      await expect.poll(openDescriptors).toBe(descriptors);
      expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
      expect(requests.filter(({ status }) => Number(status) >= 500)).toEqual([]);
      writeReport("openapi-fuzz", report);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  LIMIT_MS + 60_000,
);

/** Every route with what it answered. */
function reportOf(requests: readonly Readonly<Record<string, unknown>>[], seconds: number): string[] {
  const counts = new Map<string, number[]>();
  for (const { method, route, status } of requests) {
    const row = counts.get(`${String(method)} ${String(route)}`) ?? [0, 0, 0, 0];
    row[Math.floor(Number(status) / 100) - 2]!++; // 2xx to 5xx
    counts.set(`${String(method)} ${String(route)}`, row);
  }
  const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    "# Requests that schemathesis made of the OpenAPI document",
    "",
    `<!-- written by test/contract/openapi-fuzz.programs.test.ts -->`,
    "",
    `${requests.length} requests in ${Math.round(seconds)} s, seed ${SEED}: valid ones, and those that break the document in every field. An answer that`,
    "contradicts the document, and any 5xx, fails the suite.",
    "",
    "| operation | 2xx | 3xx | 4xx | 5xx |",
    "|---|---|---|---|---|",
    ...rows.map(([name, row]) => `| \`${name}\` | ${row.join(" | ")} |`),
  ];
}
