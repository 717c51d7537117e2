import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { depth } from "../../support/fuzz.ts";
import { startServe, stopAll } from "./harness.ts";
import type { Served } from "./harness.ts";
import { hostileKinds, probe, speak, startAttack, transcribe } from "./real-clients.ts";

/**
 * One client never hurts another: 50 hostile clients of each kind against the real program with the bundled model, while others ask for
 * `/health`, speak and send files. Latencies hold on a machine that does nothing else; processor time per hostile megabyte and memory hold everywhere.
 */
const HOSTILE = 50;
const ATTACK_MS = { quick: 2000, sample: 3000, full: 15_000 }[depth];
const HEALTH_MS = 100;
/** A sample has about 130 probes, of which the 99th percentile is the second worst: one late process of the machine decides it. */
const HEALTH_QUANTILE = depth === "full" ? 0.99 : 0.95;
/** Bodies may take 200 MB (`limits.body` × `pool.size`), and V8 keeps what was read until it collects. */
const MOST_GROWTH_MB = 600;

const table: Record<string, unknown>[] = [];
let server: Served;
let quiet: { speechMs: number; fileMs: number; memoryMb: number };

beforeAll(async () => {
  server = await startServe("metrics: { enabled: true }\n");
  await Promise.all([speak(server.port), transcribe(server.port)]);
  quiet = { speechMs: await speak(server.port), fileMs: await transcribe(server.port), memoryMb: memoryMb() };
});
afterAll(async () => {
  console.table(table);
  await stopAll();
});

describe(`${HOSTILE} hostile clients at once`, async () => {
  for (const kind of await hostileKinds()) {
    it(`${kind}: others do not notice`, async () => {
      await scrape();
      const attack = await startAttack(kind, server.port, HOSTILE);
      const cpuMs = processorMs();
      const health: number[] = [];
      const endMs = performance.now() + ATTACK_MS;
      const probes = (async () => {
        while (performance.now() < endMs) {
          health.push(await probe(server.port));
          await sleep(20);
        }
      })();
      let memory = 0;
      const watch = setInterval(() => (memory = Math.max(memory, memoryMb())), 100);
      const [speechMs, fileMs] = await Promise.all([speak(server.port), transcribe(server.port), probes]).catch(
        async (error: unknown) => {
          await attack.stop();
          throw error;
        },
      );
      clearInterval(watch);
      const usedMs = processorMs() - cpuMs;
      const { bytes, connections } = await attack.stop();
      const lagMs = await scrape();
      health.sort((a, b) => a - b);
      const p99 = health[Math.floor(health.length * 0.99)]!;
      table.push({
        kind,
        "health p50 ms": Math.round(health[health.length >> 1]!),
        "p99 ms": Math.round(p99),
        "loop delay p99 ms": Math.round(lagMs),
        "speech ms": Math.round(speechMs),
        "file ms": Math.round(fileMs),
        "memory MB": Math.round(memory - quiet.memoryMb),
        "hostile MB": Math.round(bytes / 1e5) / 10,
        connections,
        "processor ms": Math.round(usedMs),
      });
      // The clients are gone: what they left in the network's buffers must not hold anything for long.
      await nothingIsHeld();
      expect(memory - quiet.memoryMb, "memory grows").toBeLessThan(MOST_GROWTH_MB);
      const quantile = health[Math.floor(health.length * HEALTH_QUANTILE)]!;
      expect(quantile, "GET /health").toBeLessThan(HEALTH_MS);
      // A client that is cut connects again, and one connection is accepted in each round of the event loop.
      if (kind.startsWith("pipelined")) expect(connections, "connections, none cut").toBe(HOSTILE);
      expect(lagMs, "event loop delay, 99th percentile").toBeLessThan(HEALTH_MS);
      expect(speechMs, "a person who speaks").toBeLessThan(2 * quiet.speechMs);
      expect(fileMs, "a file").toBeLessThan(2 * quiet.fileMs + 1000);
    });
  }

  it("serves everyone afterwards: no slot, session or upload is left behind", async () => {
    await expect
      .poll(async () => await (await fetch(`${server.url}/ready`)).json())
      .toMatchObject({ pool_available: 4 });
    await nothingIsHeld();
    expect(server.process.exitCode).toBeNull();
  });
});

/** Waits until no session, upload or queued request is left, and says by name which ones are. */
async function nothingIsHeld(): Promise<void> {
  const held = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const lines = text.matchAll(/^gigastt_(upload_bytes|ws_active_connections|pool_waiters) (.*)$/gm);
    return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, Number(value)]));
  };
  await expect.poll(held).toEqual({ pool_waiters: 0, ws_active_connections: 0, upload_bytes: 0 });
}

/** The event loop's delay since the last call, 99th percentile in milliseconds. */
async function scrape(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^gigastt_event_loop_lag_seconds\{quantile="0.99"\} (.*)$/m.exec(text)?.[1]) * 1000;
}

function memoryMb(): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1000;
}

/** Processor time of all threads of the server. */
function processorMs(): number {
  const [user, system] = readFileSync(`/proc/${server.process.pid}/stat`, "utf8")
    .split(") ")[1]!
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
