import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { SupervisorEvent } from "../../../../src/supervisor/logs/events.ts";
import { watchHealth } from "../../../../src/supervisor/process/health-watch.ts";
import type { HealthWatch } from "../../../../src/supervisor/process/health-watch.ts";
import type { Instance } from "../../../../src/supervisor/process/instance.ts";
import { runDelayMs } from "../../../../src/supervisor/process/run-delay.ts";

/** Watches a process that never answers until it is killed, or until `probes` were sent. Returns how many it took and the events. */
async function watch(delayMs: (probe: number) => number | undefined, probes = 40) {
  const stop = new AbortController();
  const events: SupervisorEvent[] = [];
  let asked = 0;
  let isKilled = false;
  const instance = {
    child: { pid: 1, kill: () => (isKilled = true) },
    end: () => undefined,
    expectEnd: () => {},
    ended: Promise.resolve(),
  } as unknown as Instance; // what the watch uses of it
  const watching: Partial<HealthWatch> = {
    definition: {
      name: "runtime",
      timing: () => ({ healthIntervalMs: 5 }),
      health: async () => {
        if (++asked === probes) stop.abort();
        return { ok: false, text: "no answer" };
      },
    } as unknown as HealthWatch["definition"], // likewise
    book: { enter: () => {} } as unknown as HealthWatch["book"],
    emit: (event) => void events.push(event),
    isShared: () => false,
    runDelayMs: () => delayMs(asked),
  };
  await watchHealth(watching as HealthWatch, instance, stop.signal);
  return { asked, isKilled, events };
}

describe("a process that does not answer", () => {
  it("is killed after three probes when it had the processor, or where the system does not say", async () => {
    for (const delay of [() => 0, () => 5000, () => undefined]) {
      const { asked, isKilled, events } = await watch(delay);
      expect([asked, isKilled]).toEqual([3, true]);
      expect(events.map(({ event }) => event)).toEqual(["unhealthy", "unhealthy", "unhealthy", "hung"]);
    }
  });

  it("is given fifteen while it waits for a processor most of the time, and the log says why", async () => {
    const { asked, isKilled, events } = await watch(() => performance.now());
    expect([asked, isKilled]).toEqual([15, true]);
    expect(events[4]).toMatchObject({
      event: "unhealthy",
      cause: "the machine is overloaded: it waits for a processor",
    });
  });

  it("is killed soon after it stops waiting for one", async () => {
    const startMs = performance.now();
    const { asked, isKilled } = await watch((probe) => (probe < 5 ? performance.now() : startMs));
    expect(isKilled).toBe(true);
    expect(asked).toBeLessThan(15);
  });
});

describe("the time a process has waited for a processor", () => {
  it.skipIf(process.platform !== "linux")("is read from the system, and unknown for a process that is gone", () => {
    expect(runDelayMs(process.pid)).toBeGreaterThanOrEqual(0);
    expect(runDelayMs(spawnSync("true").pid)).toBeUndefined();
  });
});
