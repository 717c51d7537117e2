import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { isAlive, identify } from "../../../src/shared/process/process-identity.ts";
import type { ProcessIdentity } from "../../../src/shared/process/process-identity.ts";
import { isStatusReport } from "../../../src/supervisor/status/status.ts";
import type { StatusReport } from "../../../src/supervisor/status/status.ts";

/** What the fixture runtime shall do at its next starts; see test/fixtures/children/runtime.js. */
export type FixturePlan = Readonly<Record<string, unknown>>;

/** A temporary place with a state directory and a plan file; everything started in it is ended by `cleanUp`. */
export interface Place {
  readonly dir: string;
  readonly stateDir: string;
  readonly socket: string;
  plan(plan: FixturePlan): void;
  up(options?: UpChoices): Up;
  cleanUp(): void;
}

export interface UpChoices {
  readonly overrides?: Readonly<Record<string, string>>;
  /** Quick overrides to leave to the file. */
  readonly without?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly file?: string;
  /** Program and arguments put before Node, e.g. systemd-socket-activate. */
  readonly wrapper?: readonly string[];
  readonly sampleIntervalMs?: number;
}

/** One running `up`. */
export interface Up {
  readonly process: ChildProcess;
  output(): string;
  errors(): string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves with the URL once it says `ready`. Rejects with all output when it ends before. */
  ready(): Promise<string>;
  status(): Promise<StatusReport>;
}

const upScript = fileURLToPath(new URL("../../fixtures/children/up.js", import.meta.url));

/** Short health and restart times; the rest are the defaults. */
const QUICK: Readonly<Record<string, string>> = {
  "server.port": "0",
  "shutdown.drain": "2s",
  "supervisor.startTimeout": "5s",
  "supervisor.healthInterval": "500ms",
  "supervisor.healthTimeout": "500ms",
  "supervisor.restartDelayMin": "50ms",
  "supervisor.restartDelayMax": "400ms",
  "model.loadTimeout": "1s",
};

export function createPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-up-"));
  // With a space: whatever the supervisor writes, runs or connects to below it has to bear one.
  const stateDir = join(dir, "state folder");
  const planFile = join(dir, "plan.json");
  const ups: ChildProcess[] = [];
  writeFileSync(planFile, "{}");
  return {
    dir,
    stateDir,
    socket: join(stateDir, "control.sock"),
    plan: (plan) => writeFileSync(planFile, JSON.stringify(plan)),
    up: ({ overrides = {}, without = [], env = {}, file, wrapper = [], sampleIntervalMs } = {}) => {
      const all = Object.fromEntries(
        Object.entries({ ...QUICK, ...overrides }).filter(([key]) => !without.includes(key)),
      );
      const words = [
        ...wrapper,
        process.execPath,
        upScript,
        JSON.stringify({ stateDir, file, overrides: all, sampleIntervalMs }),
      ];
      const child = spawn(words[0] ?? process.execPath, words.slice(1), {
        env: { ...process.env, FIXTURE_PLAN: planFile, FIXTURE_NOTES: join(dir, "notes"), ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      ups.push(child);
      return watchUp(child, join(stateDir, "control.sock"));
    },
    cleanUp: () => {
      for (const child of ups) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      for (const note of childNotes(stateDir)) if (isAlive(note)) process.kill(note.pid, "SIGKILL");
      removeWhileOthersWrite(dir);
    },
  };
}

/** The children a supervisor wrote down. */
export function childNotes(stateDir: string): ProcessIdentity[] {
  try {
    const notes: ProcessIdentity[] = JSON.parse(
      readFileSync(join(stateDir, "children.json"), "utf8"),
    ) as ProcessIdentity[]; // our own file
    return notes;
  } catch {
    return [];
  }
}

/** Ends a wait at once: it cannot come true any more. */
class Hopeless extends Error {}

/** Polls until the condition holds; a loaded machine gets 15 s. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 15_000,
): Promise<NonNullable<Awaited<T>>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value;
      last = value;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`still waiting for: ${what} (last: ${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** GET with a connection of its own; the parsed JSON body. */
export async function getJson(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers: { connection: "close" } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }; // the fixture answers objects
}

export async function runtimePid(url: string): Promise<number> {
  return Number((await getJson(`${url}/pid`)).body["pid"]);
}

export function living(pid: number): boolean {
  return identify(pid) !== undefined;
}

// ---

/** What was killed a moment ago may still make a file; `rmSync` retries the last `rmdir`, but does not look at the folder again. */
function removeWhileOthersWrite(dir: string): void {
  for (let tries = 1; ; tries++) {
    try {
      return rmSync(dir, { recursive: true, force: true, maxRetries: 2, retryDelay: 50 });
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

function watchUp(child: ChildProcess, socket: string): Up {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  return {
    process: child,
    output: () => out,
    errors: () => err,
    exited,
    ready: () =>
      until("ready", () => {
        if (child.exitCode !== null) throw new Hopeless(`ended with ${child.exitCode}:\n${out}${err}`);
        return /ready in .*?(http:\/\/[^\s,]+)/.exec(out)?.[1];
      }),
    status: async () => {
      const answer = await callControl({ socket, cmd: "status", timeoutMs: 5000 });
      if (!isStatusReport(answer)) throw new Error("no status report");
      return answer;
    },
  };
}
