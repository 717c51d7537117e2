import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { callControl } from "../../../src/supervisor/control-client.ts";
import { identify, isAlive } from "../../../src/shared/process-identity.ts";
import { childNotes, until } from "./harness.ts";
import { fuzzCases } from "../../support/fuzz.ts";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));
const clip = readFileSync(fileURLToPath(new URL("../../fixtures/eval/dev_espeak_00.wav", import.meta.url)));
/** Swaps of each kind under load: CI does the full count. */
const SWAPS = fuzzCases(10, 3);

let dir: string;
let url = "";
const config = (queue: number): string =>
  `server:\n  port: 0\npool:\n  size: 8\n  queue: ${queue}\nshutdown:\n  drain: 4s\nsupervisor:\n  watchConfig: false\n  healthInterval: 1s\n  healthTimeout: 1s\n`;

function gigastt(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const state = ["up", "status", "down", "logs", "restart", "reload"].includes(args[0] ?? "")
    ? ["--state-dir", join(dir, "state")]
    : [];
  return run(process.execPath, [cli, ...args, ...state], {
    cwd: dir,
    env: { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data") },
  });
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-real-"));
  writeFileSync(join(dir, "gigastt.config.yaml"), config(8));
});
afterAll(async () => {
  await gigastt("down", "--now").catch(() => {});
  for (const note of childNotes(join(dir, "state"))) if (isAlive(note)) process.kill(note.pid, "SIGKILL");
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

describe("the real runtime with the demo model", () => {
  it("up --detach serves a transcript; a second one is refused with the reason", async () => {
    const { stdout } = await gigastt("up", "--detach");
    url = /http:\/\/[^\s,]+/.exec(stdout)?.[0] ?? "";
    expect(stdout).toMatch(/^ready in .* model Demo Russian RNN-T \(int8\) \(pid \d+\)/);
    const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(clip) });
    expect(((await response.json()) as { text: string }).text.length).toBeGreaterThan(10);
    await expect(gigastt("up")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("gigastt already runs in") as unknown,
    });
  });

  it("status answers within 250 ms more or less than Node itself, without loading the engine", async () => {
    const time = async (...args: string[]): Promise<number> => {
      const samples: number[] = [];
      for (let i = 0; i < 5; i++) {
        const started = performance.now();
        await run(process.execPath, args, { cwd: dir, env: { ...process.env, HOME: dir } });
        samples.push(performance.now() - started);
      }
      return Math.min(...samples);
    };
    const bare = await time("-e", "0");
    const status = await time(cli, "status", "--state-dir", join(dir, "state"));
    expect(status - bare).toBeLessThan(250);
    const { stdout } = await gigastt("status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ format: 1, overall: "ok", model: { id: "demo-ru-rnnt" } });
  });

  it("tells loopback callers of /ready what the supervisor knows", async () => {
    const body = await until("details", async () => {
      const found = (await (await fetch(`${url}/ready`)).json()) as Record<string, unknown>; // an object by protocol
      return found["supervisor"] === undefined ? undefined : found;
    });
    expect(body["supervisor"]).toMatchObject({ overall: "ok", restarts: 0 });
  });

  it(
    `${SWAPS} restarts and ${SWAPS} reloads under load: no connection refused or reset, no final lost`,
    async () => {
      const load = startLoad(url);
      const sessions = startSessions(url, 4);
      for (let i = 0; i < SWAPS; i++) {
        await callControl({ socket: join(dir, "state", "control.sock"), cmd: "restart", timeoutMs: 60_000 });
        writeFileSync(join(dir, "gigastt.config.yaml"), config(i % 2 === 0 ? 6 : 8));
        await gigastt("reload");
      }
      const answers = await load.stop();
      const ends = await sessions.stop();
      expect(answers.failures).toEqual([]);
      expect(answers.ok).toBeGreaterThan(SWAPS * 20);
      expect(
        ends.filter((end) => !((end.code === 1000 || end.code === 1001) && end.finals > 0 && end.lastType === "final")),
      ).toEqual([]);
      expect(ends.length).toBeGreaterThanOrEqual(4);
    },
    60_000 + SWAPS * 30_000,
  );

  it("kill -9 of the runtime: ready again, with the reason in status and logs", async () => {
    const { stdout } = await gigastt("status", "--json");
    const { processes } = JSON.parse(stdout) as { processes: { pid: number }[] }; // as documented
    const pid = processes[0]?.pid ?? 0;
    process.kill(pid, "SIGKILL");
    await until("gone", () => identify(pid) === undefined);
    // The connection waits in the kernel's queue until the new runtime accepts it.
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await until("restarted", async () => (await gigastt("status")).stdout.includes("restarts 1"));
    expect((await gigastt("logs", "--process", "supervisor", "--level", "error")).stdout).toContain("died");
  });

  it("logs -f shows what happens next, and down drains and returns", async () => {
    const follow = spawn(process.execPath, [cli, "logs", "-f", "-n", "0", "--state-dir", join(dir, "state")], {
      cwd: dir,
      env: { ...process.env, HOME: dir },
    });
    let text = "";
    follow.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await gigastt("down")).stdout).toBe("stopped\n");
    await until("followed", () => text.includes("stopping") && text.includes("drain_end"));
    follow.kill("SIGINT");
    expect(childNotes(join(dir, "state")).filter(isAlive)).toEqual([]);
    await expect(gigastt("status")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("gigastt is not running here") as unknown,
    });
    expect((await gigastt("down")).stdout).toBe("gigastt is not running\n");
  });
});

// ---

/** About 50 requests a second, half of them on connections of their own. Transport errors and unexpected statuses are failures. */
function startLoad(base: string): { stop(): Promise<{ ok: number; failures: string[] }> } {
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4, timeout: 20_000 });
  let ok = 0;
  let turn = 0;
  const timer = setInterval(() => {
    turn += 1;
    const kept = turn % 2 === 0;
    const asked = new Promise<void>((resolve) => {
      const request = http.get(`${base}/v1/models`, { agent: kept ? agent : false }, (response) => {
        response.resume();
        response.once("close", () => {
          if (response.statusCode === 200) ok += 1;
          else failures.push(`${kept ? "kept" : "own"}: ${response.statusCode}`);
          resolve();
        });
      });
      request.once("error", (error) => {
        failures.push(`${kept ? (request.reusedSocket ? "kept, reused" : "kept, new") : "own"}: ${error.message}`);
        resolve();
      });
    });
    pending.add(asked);
    void asked.then(() => pending.delete(asked));
  }, 20);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      agent.destroy();
      return { ok, failures };
    },
  };
}

interface SessionEnd {
  readonly code: number;
  readonly finals: number;
  readonly lastType: string;
}

/** Live sessions that stream the clip in real time, each followed by a new one. */
function startSessions(base: string, count: number): { stop(): Promise<SessionEnd[]> } {
  const ends: SessionEnd[] = [];
  const stopping = new AbortController();
  const chain = async (): Promise<void> => {
    while (!stopping.signal.aborted) ends.push(await oneSession(base));
  };
  const all = Array.from({ length: count }, chain);
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(all);
      return ends;
    },
  };
}

function oneSession(base: string): Promise<SessionEnd> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${base.replace("http", "ws")}/v1/ws`);
    let finals = 0;
    let lastType = "";
    let offset = 44;
    let timer: NodeJS.Timeout | undefined;
    socket.on("message", (data) => {
      const message = JSON.parse((data as Buffer).toString()) as { type: string }; // text frames by protocol
      lastType = message.type;
      if (message.type === "final") finals += 1;
      if (message.type !== "ready") return;
      socket.send(JSON.stringify({ type: "configure", sample_rate: 16000 }));
      timer = setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN) return;
        socket.send(clip.subarray(offset, offset + 3200));
        offset += 3200;
        if (offset < clip.length) return;
        clearInterval(timer);
        socket.send('{"type":"stop"}');
      }, 100);
    });
    socket.on("close", (code) => {
      clearInterval(timer);
      resolve({ code, finals, lastType });
    });
    // `close` follows with 1006: it counts as a lost session there.
    socket.on("error", () => {});
  });
}
