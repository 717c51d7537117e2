import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import type { Options, ResultPromise } from "execa";
import type { ChildExit } from "./exit-reason.ts";
import { identify } from "../shared/process-identity.ts";
import type { ProcessIdentity } from "../shared/process-identity.ts";
import { createLineSplitter } from "./lines.ts";

/** What to run, as data. */
export interface LaunchPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Passed as descriptor 3 with `LISTEN_FDS=1`. */
  readonly listenFd?: number;
  /** Opens an IPC channel: for Node programs of ours. */
  readonly ipc: boolean;
}

export interface ChildHooks {
  onLine(line: string, stream: "stdout" | "stderr"): void;
  onMessage(message: unknown): void;
}

/** A running child process. */
export interface Child {
  readonly pid: number;
  readonly identity: ProcessIdentity | undefined;
  readonly startedMonotonicMs: number;
  /** Settles when the process is gone and its output is read. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Signals we sent so far. */
  readonly sent: readonly NodeJS.Signals[];
  /** Sends over IPC; false when the channel is gone. */
  send(message: object): Promise<boolean>;
  /** Signals the process itself. */
  signal(name: NodeJS.Signals): void;
  /** SIGKILL to the process and everything it started. */
  kill(): void;
}

/**
 * Starts a child in a process group of its own, so that Ctrl-C in a terminal reaches only the supervisor, which then
 * drains in its order. Never rejects for a process that starts and fails; throws when it cannot be started at all.
 */
export function startChild(plan: LaunchPlan, hooks: ChildHooks): Promise<Child> {
  const options = {
    cwd: plan.cwd,
    env: childEnvironment(plan),
    extendEnv: false,
    stdio: ["ignore", "pipe", "pipe", ...(plan.listenFd === undefined ? [] : [plan.listenFd])],
    ipc: plan.ipc,
    serialization: "json",
    // Buffering would pile up a long-lived child's output and messages, and kill it at 100 million characters.
    buffer: false,
    reject: false,
    // We stop children in our own order; after a SIGKILL of ours they notice the closed IPC channel themselves.
    cleanup: false,
    detached: true,
    forceKillAfterDelay: false,
  };
  // execa passes descriptor numbers on at any position, but its type allows them only for the first three: hence the detour over unknown.
  const subprocess = execa(plan.file, plan.args, options as unknown as Options) as ResultPromise<{
    ipc: true;
    buffer: false;
  }>;
  const out = createLineSplitter((line) => hooks.onLine(line, "stdout"));
  const err = createLineSplitter((line) => hooks.onLine(line, "stderr"));
  subprocess.stdout?.on("data", out.push);
  subprocess.stderr?.on("data", err.push);
  const finished = subprocess.then((result) => result);
  const exited = new Promise<ChildExit>((resolve) => {
    subprocess.once("exit", (code, signal) => {
      // Workers of a killed nginx live on and keep its port: the next one could never start.
      if (!plan.ipc && subprocess.pid !== undefined) killGroup(subprocess.pid);
      // A grandchild may hold the output pipes open: wait for the last lines, but not for ever.
      void Promise.race([finished, delay(LAST_LINES_MS)]).then(() => {
        out.end();
        err.end();
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  });
  const { pid } = subprocess;
  if (pid === undefined) {
    return finished.then((result) => {
      throw result.cause ?? new Error(`${plan.file} cannot be started`);
    });
  }
  if (plan.ipc) void readMessages(subprocess, hooks.onMessage);
  const sent: NodeJS.Signals[] = [];
  return Promise.resolve({
    pid,
    identity: identify(pid),
    startedMonotonicMs: performance.now(),
    exited,
    sent,
    send: async (message) => {
      try {
        // The channel carries any JSON; execa's type wants a plain record.
        await subprocess.sendMessage({ ...message });
        return true;
      } catch {
        return false;
      }
    },
    signal: (name) => {
      sent.push(name);
      subprocess.kill(name);
    },
    kill: () => {
      sent.push("SIGKILL");
      killGroup(pid);
      subprocess.kill("SIGKILL");
    },
  });
}

// ---

const LAST_LINES_MS = 500;

/** Variables that are addressed to the supervisor by its own service manager; a child must not act on them. */
const NOT_INHERITED: readonly string[] = [
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
];

function childEnvironment(plan: LaunchPlan): NodeJS.ProcessEnv {
  const env = { ...plan.env };
  for (const name of NOT_INHERITED) delete env[name];
  return plan.listenFd === undefined ? env : { ...env, LISTEN_FDS: "1" };
}

async function readMessages(
  subprocess: { getEachMessage(): AsyncIterable<unknown> },
  onMessage: (message: unknown) => void,
): Promise<void> {
  try {
    // Leaving this loop early would make execa wait for the process: it ends only with the channel.
    for await (const message of subprocess.getEachMessage()) onMessage(message);
  } catch {
    // The channel broke with the process; `exited` tells.
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}
