import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tus from "tus-js-client";
import { afterEach, describe, expect, it } from "vitest";
import { startServe, stopAll, type Served } from "../../e2e/runtime/harness.ts";
import { cuttableWire } from "../../support/cuttable-wire.ts";
import { DOMAIN, freePorts, FRONTS, startFront } from "./front.ts";

const isFull = process.env["TEST_DEPTH"] === "full";
/** Three hours at 128 kbit/s; in CI a quarter of it. */
const BYTES = (isFull ? 3 : 0.75) * 3600 * 16_000;
const CUTS = 10;
/** The cut that kills the server. */
const KILLED = 5;
const PART_BYTES = 8 * 1024 * 1024;
/** One proxy of each kind in CI. */
const fronts = FRONTS.filter(
  ({ kind, missing }, at) =>
    isFull ||
    at === FRONTS.findIndex((other) => other.kind === kind && (other.missing === undefined || missing !== undefined)),
);

let dir: string;
afterEach(async () => {
  await stopAll();
  rmSync(dir, { recursive: true, force: true });
});

describe("a recording of hours", () => {
  for (const front of fronts)
    it.skipIf(front.missing !== undefined)(
      `arrives whole through ${front.name}, with ten lost connections and a server that is killed, and less than a part is sent again each time${front.missing === undefined ? "" : ` (skipped: ${front.missing})`}`,
      async () => {
        dir = mkdtempSync(join(tmpdir(), "gigastt-tus-proxy-"));
        const yaml = `jobs: { enabled: true, dir: ${dir}, diskReserve: 0B }\ndeploy: { domain: ${DOMAIN} }\n`;
        const [port] = await freePorts(1);
        const serve = (): Promise<Served> => startServe(yaml, { port: port! }); // one was asked for
        let served = await serve();
        const running = await startFront(front, port!, { jobs: { enabled: true } });
        const wire = await cuttableWire();
        try {
          wire.target.port = running.httpsPort;
          const audio = randomBytes(BYTES);
          let cuts = 0;
          let restarted: Promise<void> | undefined;
          wire.onPassed = () => {
            if (cuts === CUTS || wire.passed() < ((cuts + 1) * BYTES) / (CUTS + 1)) return;
            cuts++;
            if (cuts === KILLED) {
              served.process.kill("SIGKILL");
              restarted = served.exited.then(async () => void (served = await serve()));
            }
            wire.cut();
          };
          let id = "";
          await new Promise<void>((resolve, reject) => {
            const upload = new tus.Upload(audio, {
              endpoint: `https://127.0.0.1:${wire.port}/v1/uploads`,
              headers: { host: DOMAIN },
              httpStack: new tus.DefaultHttpStack({ agent: new Agent({ ca: running.ca, servername: DOMAIN }) }),
              chunkSize: Number.POSITIVE_INFINITY,
              retryDelays: Array.from({ length: 60 }, () => 1000),
              // While the server starts, its proxy answers for it.
              onShouldRetry: () => true,
              onUploadUrlAvailable: () => (id = String(upload.url).split("/").at(-1)!),
              onSuccess: () => resolve(),
              onError: reject,
            });
            upload.start();
          });
          await restarted;
          expect(cuts).toBe(CUTS);
          const again = wire.passed() - BYTES;
          console.log(
            `${front.name}: ${(BYTES / 1e6).toFixed(0)} MB, ${(again / CUTS / 1e6).toFixed(1)} MB sent again at a cut`,
          );
          expect(again).toBeLessThan(CUTS * PART_BYTES);
          const status = async (): Promise<unknown> =>
            ((await (await fetch(`${served.url}/v1/jobs/${id}`)).json()) as { status: unknown }).status;
          // Noise is not audio: it is kept for a retry.
          await expect.poll(status).toBe("failed");
          const hash = createHash("sha256");
          for (const part of readdirSync(join(dir, "audio", id)).toSorted())
            hash.update(readFileSync(join(dir, "audio", id, part)));
          expect(hash.digest("hex")).toBe(createHash("sha256").update(audio).digest("hex"));
        } finally {
          wire.close();
          await running.stop();
        }
      },
      300_000,
    );
});
