import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { depth } from "../../support/fuzz.ts";
import { hostileKinds, probe, speak, startAttack, transcribe, type Attack } from "../runtime/real-clients.ts";
import { createRealPlace, type RealPlace } from "./real-place.ts";

/** Every attack at once, each from an address of its own, against the real `gigastt up`: ten minutes in the full run. */
const ATTACK_MS = { quick: 5000, sample: 40_000, full: 600_000 }[depth];
const CLIENTS_PER_KIND = 4;
const SAMPLE_MS = 500;
/** The allocator keeps what it got at the worst moment; a leak grows by more than this in the second half of the time. */
const MOST_GROWTH_MB = 150;

let place: RealPlace;
let port: number;
const attacks: Attack[] = [];

beforeAll(async () => {
  place = createRealPlace("server: { port: 0 }\n");
  port = Number(new URL(await place.up()).port);
});
afterAll(async () => {
  await Promise.all(attacks.splice(0).map((attack) => attack.stop()));
  await place?.cleanUp();
});

describe("all attacks at once under the supervisor", () => {
  it(
    `for ${ATTACK_MS / 1000} s: no restart, real clients served, memory flat`,
    async () => {
      const before = await place.status();
      const pid = before.processes[0]!.pid!;
      const kinds = await hostileKinds();
      for (const [n, kind] of kinds.entries())
        attacks.push(await startAttack(kind, port, CLIENTS_PER_KIND, `127.0.1.${n + 1}`));

      const endMs = performance.now() + ATTACK_MS;
      const served = { spoken: 0, files: 0, probes: 0 };
      const memory: number[] = [];
      const repeat = async (what: keyof typeof served, action: () => Promise<unknown>): Promise<void> => {
        while (performance.now() < endMs) {
          await action();
          served[what]++;
        }
      };
      await Promise.all([
        repeat("spoken", () => speak(port)),
        repeat("files", () => transcribe(port)),
        repeat("probes", async () => {
          await probe(port);
          memory.push(memoryMb(pid));
          await sleep(SAMPLE_MS);
        }),
      ]);
      const sent = await Promise.all(attacks.splice(0).map((attack) => attack.stop()));

      const after = await place.status();
      const half = memory.length >> 1;
      const [first, second] = [median(memory.slice(0, half)), median(memory.slice(half))];
      console.table({
        ...served,
        "hostile MB": Math.round(sent.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6),
        "hostile connections": sent.reduce((sum, { connections }) => sum + connections, 0),
        "memory MB, first and second half": `${Math.round(first)}, ${Math.round(second)}`,
      });
      expect(after.processes[0]).toMatchObject({ pid, restarts: 0, starts: 1 });
      expect(after.issues.filter(({ severity }) => severity !== "notice")).toEqual([]);
      expect(second - first).toBeLessThan(MOST_GROWTH_MB);
      expect(Math.min(...Object.values(served))).toBeGreaterThan(0);
    },
    ATTACK_MS + 120_000,
  );

  it("serves as before afterwards", async () => {
    await expect.poll(async () => (await place.status()).runtime).toMatchObject({ sessionsActive: 0, waiting: 0 });
    await Promise.all([speak(port), transcribe(port)]);
  });
});

// ---

function memoryMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
