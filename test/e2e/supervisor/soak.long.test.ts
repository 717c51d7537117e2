import { readdirSync, readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { fuzzCases } from "../../support/fuzz.ts";
import { startLoad } from "../../support/load.ts";
import { until } from "./harness.ts";
import { createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

/** Seconds of load after the warm-up. */
const SOAK_S = Number(process.env["TEST_SOAK_SECONDS"] ?? fuzzCases(7200, { quick: 15, sample: 60 }));
/** Heap, thread pools and caches have grown to what they need. */
const WARM_UP_S = 12;

/**
 * What two hours of a busy small box are here: a request a second, a recognition every fifteen, two live sessions a
 * minute, every third of which hangs up. The test does the same work faster and prints how many of these minutes it did.
 */
const TWO_HOURS = { requests: 7200, recognitions: 480, sessions: 240, aborts: 80 };
const MIB = 2 ** 20;

let place: RealPlace;
afterEach(() => place.cleanUp());

interface Sample {
  readonly supervisorFds: number;
  readonly supervisorMib: number;
  readonly supervisorTimers: number;
  readonly runtimeFds: number;
  readonly runtimeMib: number;
  readonly runtimeTimers: number;
  readonly slots: number;
}

it(
  `mixed load, two hours' work in a minute, for ${SOAK_S} s, then restarts: descriptors, memory, timers and slots come back to where they were`,
  async () => {
    place = createRealPlace(
      "server:\n  port: 0\npool:\n  size: 8\n  queue: 40\nmetrics:\n  enabled: true\nshutdown:\n  drain: 1s\nsupervisor:\n  watchConfig: false\n  restartDelayMin: 50ms\n  crashLimit: 50\n",
    );
    const url = await place.up();
    const look = (): Promise<Sample> => sample(place, url);
    const load = await startLoad({
      url,
      perSecond: 100,
      recognitionsPerSecond: 8,
      sessions: 4,
      abortShare: 1 / 3,
      longSessions: false,
      liveSpeed: 6,
    });
    const samples: Sample[] = [];
    try {
      await sleepS(WARM_UP_S);
      for (let i = 0; i < SOAK_S; i++) {
        samples.push(await look());
        await sleepS(1);
      }
    } catch (error) {
      load.kill();
      throw error;
    }
    const { account, seconds } = await load.stop();
    const quiet = await until("all slots back", async () => {
      const found = await look();
      return found.slots === 8 && found.runtimeFds <= (samples[0]?.runtimeFds ?? 0) ? found : undefined;
    });
    const { requests, sessions, transcripts } = account;
    const recognitions = transcripts.right + transcripts.wrong.length;
    const minutes =
      120 *
      Math.min(
        requests.sent / TWO_HOURS.requests,
        recognitions / TWO_HOURS.recognitions,
        sessions.begun / TWO_HOURS.sessions,
        sessions.aborted / TWO_HOURS.aborts,
      );
    const growth = {
      supervisorMib: growthOf(samples, "supervisorMib"),
      runtimeMib: growthOf(samples, "runtimeMib"),
      supervisorFds: growthOf(samples, "supervisorFds"),
      runtimeFds: growthOf(samples, "runtimeFds"),
      supervisorTimers: growthOf(samples, "supervisorTimers"),
      runtimeTimers: growthOf(samples, "runtimeTimers"),
    };
    say(
      `${Math.round(seconds)} s: ${requests.sent} requests, ${recognitions} recognitions, ${sessions.begun} sessions (${sessions.aborted} hung up) = ${Math.round(minutes)} minutes of the reference load`,
    );
    say(`from the second third to the last: ${JSON.stringify(growth)}; quiet: ${JSON.stringify(quiet)}`);
    if (SOAK_S >= 60) expect(minutes).toBeGreaterThan(100);
    expect(requests.failed).toEqual([]);
    expect(sessions.lost).toEqual([]);
    expect(transcripts.wrong).toEqual([]);
    expect(growth.supervisorMib).toBeLessThan(8);
    expect(growth.runtimeMib).toBeLessThan(32);
    // Under load they swing with what is open; what leaks grows with every session, and there were hundreds.
    for (const name of ["supervisorFds", "runtimeFds", "supervisorTimers", "runtimeTimers"] as const)
      expect(growth[name], name).toBeLessThan(10);

    // Restarts of every kind: what belongs to a runtime must leave the supervisor with it.
    const before = await look();
    for (let i = 1; i <= 4; i++) {
      await place.control("restart");
      await place.control("reload");
      process.kill((await place.status()).processes[0]?.pid ?? 0, "SIGKILL");
      await place.readyAfter(i);
    }
    const after = await until("descriptors and timers back", async () => {
      const found = await look();
      return found.supervisorFds <= before.supervisorFds && found.supervisorTimers <= before.supervisorTimers + 1
        ? found
        : undefined;
    });
    say(
      `4 hand-overs, 4 reloads and 4 kills: supervisor ${before.supervisorMib} → ${after.supervisorMib} MiB, descriptors ${before.supervisorFds} → ${after.supervisorFds}, timers ${before.supervisorTimers} → ${after.supervisorTimers}`,
    );
    expect(after.supervisorMib - before.supervisorMib).toBeLessThan(12);
  },
  (SOAK_S + 240) * 1000,
);

// ---

async function sample({ status }: RealPlace, url: string): Promise<Sample> {
  const { supervisor, processes } = await status();
  const pid = processes[0]?.pid ?? 0;
  const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
  const metric = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);
  return {
    supervisorFds: descriptors(supervisor.pid),
    supervisorMib: residentMib(supervisor.pid),
    supervisorTimers: supervisor.timers,
    runtimeFds: descriptors(pid),
    runtimeMib: residentMib(pid),
    runtimeTimers: metric('gigastt_active_resources\\{type="Timeout"\\}'),
    slots: metric("gigastt_pool_available"),
  };
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round((Number(kib) * 1024) / MIB);
}

/** Median of the last third minus median of the second. */
function growthOf(samples: readonly Sample[], key: keyof Sample): number {
  const third = Math.floor(samples.length / 3);
  const median = (part: readonly Sample[]): number =>
    part.map((one) => one[key]).sort((a, b) => a - b)[part.length >> 1] ?? 0;
  return median(samples.slice(-third)) - median(samples.slice(third, 2 * third));
}

function sleepS(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function say(text: string): void {
  process.stdout.write(`soak: ${text}\n`);
}
