import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { depth } from "../../support/fuzz.ts";
import { startServe, stopAll } from "./harness.ts";
import type { Served } from "./harness.ts";
import { hostileKinds, probe, speak, startAttack, startBystander, transcribe } from "./real-clients.ts";
import type { Bystander } from "./real-clients.ts";

/**
 * One client never hurts another: 50 hostile clients of each kind against the real program with the bundled model, while others ask for
 * `/health`, speak and send files. What the machine itself takes from everybody is known from a server that nobody attacks and that is asked as often.
 */
const HOSTILE = 50;
const ATTACK_MS = { quick: 2000, sample: 3000, full: 15_000 }[depth];
const HEALTH_MS = 100;
/** A sample has about 100 probes, of which the 99th percentile is the second worst: one late process of the machine decides it. */
const HEALTH_QUANTILE = depth === "full" ? 0.99 : 0.95;
/** Bodies may take 200 MB (`limits.body` × `pool.size`), and V8 keeps what was read until it collects. */
const MOST_GROWTH_MB = 600;

const table: Record<string, unknown>[] = [];
let server: Served;
let bystander: Bystander;
let quiet: { speechMs: number; fileMs: number; memoryMb: number };

beforeAll(async () => {
  [server, bystander] = await Promise.all([startServe("metrics: { enabled: true }\n"), startBystander()]);
  await Promise.all([speak(server.port), transcribe(server.port)]);
  quiet = { speechMs: await speak(server.port), fileMs: await transcribe(server.port), memoryMb: memoryMb() };
});
afterAll(async () => {
  console.table(table);
  bystander.stop();
  await stopAll();
});

describe(`${HOSTILE} hostile clients at once`, async () => {
  for (const kind of await hostileKinds()) {
    it(`${kind}: others do not notice`, async () => {
      await scrape();
      const attack = await startAttack(kind, server.port, HOSTILE);
      const cpuMs = processorMs();
      const health: number[] = [];
      const apart: number[] = [];
      const endMs = performance.now() + ATTACK_MS;
      const probes = (async () => {
        while (performance.now() < endMs) {
          health.push(await probe(server.port));
          apart.push(await probe(bystander.port));
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
      const machineMs = quantile(apart, HEALTH_QUANTILE);
      table.push({
        kind,
        "health p50 ms": Math.round(quantile(health, 0.5)),
        "p99 ms": Math.round(quantile(health, 0.99)),
        "machine ms": Math.round(machineMs),
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
      const limitMs = HEALTH_MS + 2 * machineMs;
      expect(quantile(health, HEALTH_QUANTILE), "GET /health").toBeLessThan(limitMs);
      // A client that is cut connects again, and one connection is accepted in each round of the event loop.
      if (kind.startsWith("pipelined")) expect(connections, "connections, none cut").toBe(HOSTILE);
      expect(lagMs, "event loop delay, 99th percentile").toBeLessThan(limitMs);
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

function quantile(values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}

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
