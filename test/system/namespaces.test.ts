import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BASIC, FORGED } from "../contract/proxy/cases.ts";
import { DIRECT, DOMAIN, FRONTS, servedAsDomain, startFront, type Front } from "../contract/proxy/front.ts";
import { createMachines, whyNoNamespaces, type Machine } from "../support/namespaces.ts";
import { startTestServer } from "../support/runtime-server.ts";

const TRIES = 1000;
const BURST = 5;
const run = promisify(execFile);
const forger = fileURLToPath(new URL("forger.js", import.meta.url));
const why = whyNoNamespaces();

describe(`three machines in network namespaces${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  let place: ReturnType<typeof createMachines> | undefined;
  beforeAll(() => {
    if (why === undefined) place = createMachines(3);
  });
  afterAll(() => place?.remove());

  for (const front of [DIRECT, ...FRONTS])
    it.skipIf(why !== undefined || front.missing !== undefined)(
      `${front.name}: ${TRIES} requests with forged addresses of eight kinds pass the rate limit no more often than genuine ones${front.missing === undefined ? "" : ` (skipped: ${front.missing})`}`,
      { timeout: 120_000 },
      async () => {
        const passed = await attack(front, place!.machines);
        console.log(`${front.name}: ${JSON.stringify(passed)} of ${TRIES} passed`);
        for (const count of Object.values(passed)) {
          // The burst, and a token for every minute that the test takes.
          expect(count).toBeGreaterThanOrEqual(BURST);
          expect(count).toBeLessThanOrEqual(BURST + 2);
        }
      },
    );
});

// ---

/** Requests that were let through, by machine. */
async function attack(front: Front, machines: readonly Machine[]): Promise<Readonly<Record<string, number>>> {
  const config = {
    rateLimit: { perMinute: 1, burst: BURST },
    server: { trustedProxies: front.kind === "none" ? [] : ["127.0.0.1/32"] },
  };
  const server = await startTestServer({
    config: servedAsDomain(config),
    host: front.kind === "none" ? "0.0.0.0" : "127.0.0.1",
  });
  try {
    const running = await startFront(front, server.port, { ...config, deploy: { auth: { kind: "basic" } } });
    try {
      const counts = await Promise.all(
        machines.map(async ({ namespace, here, there }, i) => {
          const count = Math.floor(TRIES / 3) + (i < TRIES % 3 ? 1 : 0);
          const { stdout } = await run("ip", [
            "netns",
            "exec",
            namespace,
            process.execPath,
            forger,
            JSON.stringify({
              host: here,
              port: running.httpsPort,
              ca: running.ca,
              name: DOMAIN,
              headers: Object.fromEntries([BASIC]),
              forged: FORGED.map(([name]) => name),
              count,
              seed: i + 1,
            }),
          ]);
          const statuses = JSON.parse(stdout) as Record<string, number>; // our own JSON
          const ok = statuses["200"] ?? 0;
          expect(statuses).toEqual({ 200: ok, 429: count - ok });
          return [there, ok] as const;
        }),
      );
      return Object.fromEntries(counts);
    } finally {
      await running.stop();
    }
  } finally {
    await server.close();
  }
}
