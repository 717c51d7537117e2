import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identify, isAlive } from "../../../src/shared/process/process-identity.ts";
import { sendRaw } from "../../support/raw-http.ts";
import { childNotes, until } from "./harness.ts";
import { cli, createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

const run = promisify(execFile);
const clip = readFileSync(fileURLToPath(new URL("../../fixtures/eval/dev_espeak_00.wav", import.meta.url)));

/** Makes a Node process tell at its exit what it cost and whether the engine's library is in its memory. */
const AT_EXIT = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from "node:fs";
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    const engine = readFileSync("/proc/self/maps", "utf8").includes("onnxruntime");
    process.stderr.write(JSON.stringify({ cpuMs: (user + system) / 1000, engine }));
  });
`)}`;

let place: RealPlace;
let url = "";
beforeAll(() => {
  place = createRealPlace(
    "server:\n  port: 0\nshutdown:\n  drain: 4s\nsupervisor:\n  watchConfig: false\n  healthInterval: 1s\n  healthTimeout: 1s\n",
  );
});
afterAll(() => place.cleanUp());

describe("the real runtime with the demo model", () => {
  it("up --detach serves a transcript; a second one is refused with the reason", async () => {
    const { stdout } = await place.gigastt("up", "--detach");
    url = /http:\/\/[^\s,]+/.exec(stdout)?.[0] ?? "";
    expect(stdout).toMatch(/^ready in .* model Demo Russian RNN-T \(int8\) \(pid \d+\)/);
    const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(clip) });
    expect(((await response.json()) as { text: string }).text.length).toBeGreaterThan(10);
    await expect(place.gigastt("up")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("gigastt is already running in") as unknown,
    });
    await expect(place.gigastt("up", "--detach")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^gigastt: gigastt is already running in .*gigastt down/) as unknown,
    });
  });

  it("status costs at most 250 ms of processor time more than Node itself, without loading the engine", async () => {
    /** Least processor time of five runs, ms: what else the machine does counts for little. */
    const costMs = async (...args: string[]): Promise<number> => {
      const samples: number[] = [];
      for (let i = 0; i < 5; i++) {
        const told = await run(process.execPath, ["--import", AT_EXIT, ...args], { cwd: place.dir, env: place.env });
        const { cpuMs, engine } = JSON.parse(told.stderr) as { cpuMs: number; engine: boolean }; // of AT_EXIT
        expect(engine).toBe(false);
        samples.push(cpuMs);
      }
      return Math.min(...samples);
    };
    const bare = await costMs("-e", "0");
    const status = await costMs(cli, "status", "--state-dir", place.stateDir);
    expect(status - bare).toBeLessThan(250);
    const { stdout } = await place.gigastt("status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ format: 1, overall: "ok", model: { id: "demo-ru-rnnt" } });
    // One upload so far: the supervisor's own health checks, one a second, do not count.
    expect(JSON.parse(stdout)).toMatchObject({ runtime: { requestsTotal: 1 } });
  });

  it("tells loopback callers of /ready what the supervisor knows", async () => {
    const body = await until("details", async () => {
      const found = (await (await fetch(`${url}/ready`)).json()) as Record<string, unknown>; // an object by protocol
      return found["supervisor"] === undefined ? undefined : found;
    });
    expect(body["supervisor"]).toMatchObject({ overall: "ok", restarts: 0 });
  });

  it("kill -9 of the runtime: ready again, with the reason in status and logs", async () => {
    const { stdout } = await place.gigastt("status", "--json");
    const { processes } = JSON.parse(stdout) as { processes: { pid: number }[] }; // as documented
    const pid = processes[0]?.pid ?? 0;
    process.kill(pid, "SIGKILL");
    await until("gone", () => identify(pid) === undefined);
    // A new connection (those that fetch keeps died with the runtime) waits in the kernel's queue until the next one accepts it.
    const answer = await sendRaw(
      Number(new URL(url).port),
      "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    expect(answer.status).toBe(200);
    await until("restarted", async () => (await place.gigastt("status")).stdout.includes("restarts 1"));
    expect((await place.gigastt("logs", "--process", "supervisor", "--level", "error")).stdout).toContain("died");
  });

  it("logs -f shows what happens next, and down drains and returns", async () => {
    const follow = spawn(process.execPath, [cli, "logs", "-f", "-n", "1", "--state-dir", place.stateDir], {
      cwd: place.dir,
      env: place.env,
    });
    let text = "";
    follow.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await until("reading", () => text !== "");
    expect((await place.gigastt("down")).stdout).toBe("stopped\n");
    await until("followed", () => text.includes("stopping") && text.includes("drain_end"));
    follow.kill("SIGINT");
    expect(childNotes(place.stateDir).filter(isAlive)).toEqual([]);
    await expect(place.gigastt("status")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^gigastt: gigastt is not running \(looked at .*control\.sock\)\. Start it:\n  \S*gigastt up\n$/,
      ) as unknown,
    });
    expect((await place.gigastt("down")).stdout).toBe("gigastt is not running\n");
  });
});
