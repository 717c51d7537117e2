import { existsSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { evalClips } from "../e2e/runtime/harness.ts";
import { until } from "../e2e/supervisor/harness.ts";
import { createRealPlace, type RealPlace } from "../e2e/supervisor/real-place.ts";

// A box without a clock of its own. Supervisor and runtime read a time that a file sets (libfaketime); this test knows the right one.

const LIBRARY = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));
const DAY_S = 86_400;
/** To 1 January 1970, a quarter past midnight. */
const TO_1970_S = 900 - Math.floor(Date.now() / 1000);
const [clip] = evalClips(1) as [ReturnType<typeof evalClips>[number]];

let place: RealPlace;
beforeEach(() => {
  place = createRealPlace(
    `server: { port: 0, lan: true, host: 127.0.0.1 }
supervisor: { watchConfig: false }
rateLimit: { perMinute: 60, burst: 10 }
jobs: { enabled: true, diskReserve: 0B, keepResult: 7d }
`,
  );
  place.env["LD_PRELOAD"] = LIBRARY;
  place.env["FAKETIME_TIMESTAMP_FILE"] = join(place.dir, "offset");
  place.env["FAKETIME_NO_CACHE"] = "1";
  place.env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail")
    process.stdout.write(readFileSync(join(place.stateDir, "logs", "supervisor.log"), "utf8"));
  await place.cleanUp();
});

describe(`a clock that is set${LIBRARY === undefined ? " (skipped: libfaketime is not installed)" : ""}`, () => {
  it.skipIf(LIBRARY === undefined)(
    "1970 at boot, then set right: it starts, takes a job, speaks TLS that others accept; the result, a live session and the rate limit survive the leap",
    { timeout: 300_000 },
    async () => {
      const { url, ask, setClock, live, job } = await start(TO_1970_S);
      expect(existsSync(join(place.stateDir, "lan", "ca.pem"))).toBe(true);
      const id = await job();
      const session = await live();
      session.send(clip.pcm.subarray(0, clip.pcm.length / 2));
      setClock(0);
      session.send(clip.pcm.subarray(clip.pcm.length / 2));
      expect(await session.end()).toBe(clip.text);
      await sleep(12_000); // a round of what deletes old jobs
      expect((await ask(`/v1/jobs/${id}/result`)).status).toBe(200);
      await refusedNotLong(ask, () => setClock(-DAY_S));
      expect((await place.status()).processes[0]).toMatchObject({ state: "ready", restarts: 0 });
      expect(url).toContain("https");
    },
  );

  it.skipIf(LIBRARY === undefined)(
    "leaps over the end of its certificate and back: each time it makes one that is good, without a pause; results stay",
    { timeout: 800_000 },
    async () => {
      const { ask, setClock, job } = await start(0);
      const id = await job();
      const first = await ask("/health");
      setClock(400 * DAY_S);
      const second = await replaced(ask, [first]);
      expect(second.validToMs).toBeGreaterThan(Date.now() + 700 * DAY_S * 1000);
      setClock(0);
      // Ours is not valid yet for those who know the time, so it may not be trusted until it is replaced.
      const third = await replaced(ask, [first, second]);
      expect(third.validFromMs).toBeLessThan(Date.now());
      // Until it is gone, the old runtime takes connections too.
      const result = (): Promise<number> =>
        ask(`/v1/jobs/${id}/result`).then(
          ({ status }) => status,
          () => 0,
        );
      await expect.poll(result, { timeout: 60_000 }).toBe(200);
      expect((await place.status()).overall).not.toBe("failed");
    },
  );
});

// ---

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterS: number;
  readonly fingerprint: string;
  readonly validFromMs: number;
  readonly validToMs: number;
}

interface Started {
  readonly url: string;
  /** Trusts only the CA of the box, at the time that this test knows; `/health` also while the certificate does not hold. */
  ask(path: string, body?: Uint8Array): Promise<Answer>;
  setClock(offsetS: number): void;
  /** A job that is done. */
  job(): Promise<string>;
  live(): Promise<{ send(pcm: Uint8Array): void; end(): Promise<string> }>;
}

async function start(offsetS: number): Promise<Started> {
  const setClock = (seconds: number): void =>
    writeFileSync(join(place.dir, "offset"), `${seconds < 0 ? "" : "+"}${seconds}`);
  setClock(offsetS);
  const { stdout } = await place.gigastt("up", "--detach");
  const url = /https:\/\/127\.0\.0\.1:\d+/.exec(stdout)?.[0] ?? stdout;
  const ca = (): string => readFileSync(join(place.stateDir, "lan", "ca.pem"), "utf8");
  const ask = (path: string, body?: Uint8Array): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = https.request(
        `${url}${path}`,
        { method: body === undefined ? "GET" : "POST", ca: ca(), agent: false, rejectUnauthorized: path !== "/health" },
        (response) => {
          const certificate = (response.socket as TLSSocket).getPeerCertificate(); // the socket of https
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              body: text,
              retryAfterS: Number(response.headers["retry-after"] ?? 0),
              fingerprint: certificate.fingerprint256,
              validFromMs: Date.parse(certificate.valid_from),
              validToMs: Date.parse(certificate.valid_to),
            }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  return {
    url,
    ask,
    setClock,
    job: async () => {
      const answer = await ask("/v1/jobs", clip.wav);
      expect([answer.status, answer.body]).toEqual([202, expect.any(String)]);
      const id = (JSON.parse(answer.body) as { job_id: string }).job_id; // the wire protocol
      // No faster than the rate limit lets it.
      const isDone = async (): Promise<boolean> => {
        await sleep(1500);
        return (await ask(`/v1/jobs/${id}`)).body.includes('"done"');
      };
      await until("the job", isDone, 60_000);
      return id;
    },
    live: async () => {
      const socket = new WebSocket(`${url.replace("https", "wss")}/v1/ws`, { ca: ca() });
      const said: { type: string; text?: string }[] = [];
      socket.on("message", (data: Buffer) => said.push(JSON.parse(data.toString()) as (typeof said)[number])); // the wire protocol
      await until("a session", async () => said.some(({ type }) => type === "ready"), 30_000);
      socket.send(JSON.stringify({ type: "configure", sample_rate: 16_000 }));
      return {
        send: (pcm) => socket.send(pcm),
        end: async () => {
          const closed = new Promise((resolve) => socket.once("close", resolve));
          socket.send(JSON.stringify({ type: "stop" }));
          await closed;
          return said
            .filter(({ type, text }) => type === "final" && text !== "")
            .map(({ text }) => text)
            .join(" ");
        },
      };
    },
  };
}

/** Waits for a certificate that is none of these. During a hand-over both runtimes answer, each with its own. */
async function replaced(ask: Started["ask"], known: readonly Answer[]): Promise<Answer> {
  const isKnown = ({ fingerprint }: Answer): boolean => known.some((one) => one.fingerprint === fingerprint);
  return until(
    "a new certificate",
    async () => {
      const answer = await ask("/health").catch(() => undefined);
      return answer === undefined || isKnown(answer) ? undefined : answer;
    },
    300_000,
  );
}

/** Runs into the rate limit, sets the clock, and runs into it again: the wait that is told stays one of seconds. */
async function refusedNotLong(ask: Started["ask"], set: () => void): Promise<void> {
  for (const change of [() => {}, set]) {
    change();
    const answers: Answer[] = [];
    for (let n = 0; n < 30; n++) answers.push(await ask("/v1/models"));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { retryAfterS } of refused) expect([retryAfterS > 0, retryAfterS <= 60]).toEqual([true, true]);
  }
}
