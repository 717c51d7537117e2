import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fuzzCases } from "../../support/fuzz.ts";
import { startLoad } from "../../support/load.ts";
import type { StatusReport } from "../../../src/supervisor/status/status.ts";
import { until } from "./harness.ts";
import { createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

/** Swaps of each kind. */
const SWAPS = fuzzCases(10, { quick: 3, sample: 3 });
const config = (queue: number): string => `server:
  port: 0
pool:
  size: 16
  queue: ${queue}
shutdown:
  drain: 3s
supervisor:
  watchConfig: false
`;

let place: RealPlace;
let url = "";
async function start(more = ""): Promise<void> {
  place = createRealPlace(`${config(30)}${more}`);
  url = await place.up();
}
afterEach(() => place.cleanUp());

describe("under 50 requests a second and 8 live sessions", () => {
  it(
    `${SWAPS} restarts and ${SWAPS} reloads: nobody refused or reset, no final lost, every session finishes or gets its final and 1001`,
    async () => {
      await start();
      const load = await startLoad({ url });
      const swapMs: number[] = [];
      try {
        for (let i = 0; i < SWAPS; i++) {
          const started = performance.now();
          expect(await place.control("restart")).toMatchObject({ mode: "handover" });
          swapMs.push(Math.round(performance.now() - started));
          place.writeConfig(config(i % 2 === 0 ? 20 : 30));
          expect(await place.control("reload")).toMatchObject({ effect: "live" });
        }
      } catch (error) {
        load.kill();
        throw error;
      }
      const { account, seconds } = await load.stop();
      const { requests, sessions, transcripts } = account;
      say(
        `${Math.round(seconds)} s, ${requests.sent} requests (${JSON.stringify(requests.answered)}), ` +
          `slowest ms ${JSON.stringify(requests.slowestMs)}, ${sessions.begun} sessions: ${sessions.finished} finished, ` +
          `${sessions.wentAway} with 1001, ${sessions.lost.length} lost; restarts with drain ms ${swapMs.join(" ")}`,
      );
      expect(requests.failed).toEqual([]);
      expect(sessions.lost).toEqual([]);
      expect(transcripts.wrong).toEqual([]);
      // Exact: what was begun is what ended, and everything asked was answered with 200.
      expect(sessions.finished + sessions.wentAway).toBe(sessions.begun);
      expect(requests.answered).toEqual({ "200": requests.sent });
      // It was the load it claims to be, and both ends of a session occurred.
      expect(requests.sent).toBeGreaterThanOrEqual(40 * Math.floor(seconds));
      expect(sessions.finished).toBeGreaterThan(SWAPS);
      expect(sessions.wentAway).toBeGreaterThan(0);
    },
    90_000 + SWAPS * 30_000,
  );

  it("kill -9 of the runtime: ready again within two seconds plus the model load; clients got clean errors, tried again and were served", async () => {
    await start();
    const load = await startLoad({ url, retry: true });
    try {
      const pid = (await place.status()).processes[0]?.pid ?? 0;
      const killedAt = performance.now();
      process.kill(pid, "SIGKILL");
      const status = await place.readyAfter(1);
      const readyMs = Math.round(performance.now() - killedAt);
      expect(status.processes[0]?.lastRestarts.at(-1)?.reason).toContain("SIGKILL from outside");
      // Let clients try again and sessions begin anew.
      await until("sessions again", async () => ((await place.status()).runtime?.sessionsActive ?? 0) >= 8, 60_000);
      const { account } = await load.stop();
      const { requests, sessions, transcripts } = account;
      const startMs = lastNumber("supervisor.log", "ready", "tookMs");
      const loadMs = lastTime("runtime.log", "ready") - lastTime("runtime.log", "listening");
      say(
        `kill -9: ready again after ${readyMs} ms, of which ${startMs} ms are the start of the process (${loadMs} ms of it the model load); ` +
          `${requests.failed.length} tries and ${sessions.lost.length} sessions broke off, ${requests.resumed} requests and ${sessions.resumed} sessions came back`,
      );
      expect(readyMs - startMs).toBeLessThan(2000);
      // Clean: the connection ended. Nobody was refused, nobody waited in vain, nobody got half an answer.
      expect(requests.failed.filter((line) => !/ECONNRESET|EPIPE|socket hang up|aborted/.test(line))).toEqual([]);
      expect(sessions.lost.filter((line) => !line.startsWith("1006 "))).toEqual([]);
      expect(sessions.lost.length).toBeGreaterThan(0);
      expect(sessions.resumed).toBe(sessions.lost.length);
      expect(requests.answered).toEqual({ "200": requests.sent });
      expect(transcripts.wrong).toEqual([]);
    } finally {
      load.kill();
    }
  }, 150_000);

  it("twenty kills of the runtime in a row: crash loop, status answers all the time, restart gets it out, every client is served in the end", async () => {
    await start("  crashLimit: 20\n  crashWindow: 10m\n  restartDelayMin: 50ms\n  restartDelayMax: 50ms\n");
    const load = await startLoad({ url, retry: true, sessions: 2 });
    try {
      const statusMs: number[] = [];
      const status = async (): Promise<StatusReport> => {
        const started = performance.now();
        const found = await place.status();
        statusMs.push(performance.now() - started);
        return found;
      };
      const killed = new Set<number>();
      const looping = await until(
        "crash loop",
        async () => {
          const found = await status();
          const [runtime] = found.processes;
          if (runtime?.state === "crash_loop") return found;
          if (runtime?.pid === undefined || killed.has(runtime.pid)) return undefined;
          // Every fourth may become ready first.
          if (killed.size % 4 === 0 && runtime.state !== "ready") return undefined;
          killed.add(runtime.pid);
          process.kill(runtime.pid, "SIGKILL");
          return undefined;
        },
        240_000,
      );
      expect(killed.size).toBe(20);
      expect(looping.overall).toBe("down");
      expect(looping.issues[0]).toMatchObject({ id: "crash_loop" });
      const answer = await until("stand-in answers", () =>
        fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(2000) }),
      );
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "600"]);
      await expect(place.gigastt("status")).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringContaining("crash_loop") as unknown,
      });
      for (let i = 0; i < 20; i++) await status();
      statusMs.sort((a, b) => a - b);
      const slowestMs = Math.round(statusMs.at(-1) ?? 0);
      say(
        `20 kills: ${statusMs.length} status answers, median ${Math.round(statusMs[statusMs.length >> 1] ?? 0)} ms, slowest ${slowestMs} ms`,
      );
      // A control answer costs a few milliseconds; the rest is the machine.
      expect(slowestMs).toBeLessThan(5000);
      await place.control("restart");
      const { account } = await load.stop();
      expect(account.requests.answered).toEqual({ "200": account.requests.sent });
      expect(account.transcripts.wrong).toEqual([]);
      expect((await place.status()).overall).toBe("ok");
    } finally {
      load.kill();
    }
  }, 400_000);

  it("kill -9 of the supervisor: sessions get their final and 1001, no process is left, the next up works", async () => {
    await start();
    const load = await startLoad({ url, retry: true, sessions: 4 });
    try {
      const { supervisor } = await place.status();
      process.kill(supervisor.pid, "SIGKILL");
      await until("no process is left", () => place.processes().length === 0, 60_000);
      const next = await place.up();
      expect((await fetch(`${next}/ready`)).status).toBe(200);
      const { sessions } = await load.account();
      expect(sessions.lost.filter((line) => !/ECONNREFUSED|^1006 after 0 finals/.test(line))).toEqual([]);
      expect(sessions.finished + sessions.wentAway).toBeGreaterThan(0);
      expect((await place.status()).overall).toBe("ok");
    } finally {
      load.kill();
    }
  }, 150_000);
});

// ---

function say(text: string): void {
  process.stdout.write(`load: ${text}\n`);
}

/** The field of the last line of that event in a log of the state folder. */
function lastField(file: string, event: string, field: string): unknown {
  const line = readFileSync(join(place.stateDir, "logs", file), "utf8")
    .split("\n")
    .findLast((text) => text.includes(`"event":"${event}"`));
  if (line === undefined) throw new Error(`${file} has no ${event}`);
  return Reflect.get(JSON.parse(line) as object, field); // JSON lines
}

function lastNumber(file: string, event: string, field: string): number {
  return Number(lastField(file, event, field));
}

function lastTime(file: string, event: string): number {
  return Date.parse(String(lastField(file, event, "time")));
}
