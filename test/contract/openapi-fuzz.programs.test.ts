import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { fuzzCases, SEED } from "../support/fuzz.ts";
import { startTestServer } from "../support/runtime-server.ts";

const PROGRAM = "/opt/gigastt-clients/bin/schemathesis";
const missing = existsSync(PROGRAM) ? "" : ` (skipped: ${PROGRAM} is missing, see .ci/tools.sh)`;

it.skipIf(missing !== "")(
  `schemathesis finds no answer that contradicts the OpenAPI document, and no 5xx${missing}`,
  async () => {
    const server = await startTestServer({ engine: createFakeEngine() });
    const folder = mkdtempSync(join(tmpdir(), "gigastt-schemathesis-"));
    try {
      const examples = String(fuzzCases(2000, { sample: 30 }));
      const { all, exitCode } = await execa(
        PROGRAM,
        [
          "run",
          `${server.url}/openapi.json`,
          `--max-examples=${examples}`,
          `--seed=${SEED}`,
          "--suppress-health-check=all",
          // Random bytes are a valid body of the document, and no audio.
          "--exclude-checks=positive_data_acceptance",
        ],
        { cwd: folder, all: true, reject: false, timeout: 1_500_000 },
      );
      expect(exitCode, all).toBe(0);
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
  1_800_000,
);
