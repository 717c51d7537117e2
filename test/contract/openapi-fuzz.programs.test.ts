import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { fuzzCases, SEED } from "../support/fuzz.ts";
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
      const examples = String(fuzzCases(1200, { sample: 10 }));
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
      expect(exitCode, all).toBe(0);
      expect(server.lines.filter(({ event }) => event === "request_end").length).toBeGreaterThan(
        fuzzCases(20_000, { sample: 1000 }),
      );
      const { runtime } = server;
      await expect
        .poll(() => [
          runtime.context.admission.available,
          runtime.context.uploads.heldBytes,
          runtime.context.exchanges.size,
        ])
        .toEqual([4, 0, 0]);
      expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  LIMIT_MS + 60_000,
);
