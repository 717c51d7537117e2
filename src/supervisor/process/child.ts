import { spawn } from "node:child_process";
import type { ChildExit } from "./exit-reason.ts";
import { listenVariables } from "../../shared/process/listen-fds.ts";
import { killGroup } from "../../shared/process/process-group.ts";
import { identify } from "../../shared/process/process-identity.ts";
import type { ProcessIdentity } from "../../shared/process/process-identity.ts";
import { createLineSplitter } from "../logs/lines.ts";
import { sleep } from "../../shared/time/timers.ts";

/** What to run, as data. */
export interface LaunchPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Passed as descriptors 3, 4, … with `LISTEN_FDS` and `LISTEN_FDNAMES`. */
  readonly listenFds?: readonly { readonly name: string; readonly fd: number }[];
  /** Opens an IPC channel: for gigastt's own Node programs. */
  readonly ipc: boolean;
  /** Variables of the service manager, which a child otherwise does not get. */
  readonly serviceEnv?: NodeJS.ProcessEnv;
  /** Its standard input, which it need not read; default: none. */
  readonly input?: string;
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
 * drains gracefully. Never rejects for a process that starts and fails; throws when it cannot be started at all.
 */
export async function startChild(plan: LaunchPlan, hooks: ChildHooks): Promise<Child> {
  const child = spawn(plan.file, plan.args, {
    cwd: plan.cwd,
    env: childEnvironment(plan),
    stdio: [
      plan.input === undefined ? "ignore" : "pipe",
      "pipe",
      "pipe",
      ...(plan.listenFds ?? []).map(({ fd }) => fd),
      ...(plan.ipc ? (["ipc"] as const) : []),
    ],
    serialization: "json",
    detached: true,
  });
  // Kept for the child's whole life: a signal that could not be sent is reported here too, and would end the supervisor.
  const failure = new Promise<Error>((resolve) => child.on("error", resolve));
  const { pid } = child;
  if (pid === undefined) throw await failure;
  const out = createLineSplitter((line) => hooks.onLine(line, "stdout"));
  const err = createLineSplitter((line) => hooks.onLine(line, "stderr"));
  child.stdout?.on("data", out.push);
  child.stderr?.on("data", err.push);
  child.on("message", hooks.onMessage);
  child.stdin?.on("error", () => {});
  child.stdin?.end(plan.input);
  const outputRead = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const messagesRead = new Promise<void>((resolve) => {
    if (plan.ipc) child.once("disconnect", () => resolve());
    else resolve();
  });
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("exit", (code, signal) => {
      // Workers of a killed nginx live on and keep its port: the next one could never start.
      if (!plan.ipc) killGroup(pid);
      // A grandchild may hold the output pipes open: wait for the last lines, but not long.
      void Promise.race([Promise.all([outputRead, messagesRead]), sleep(LAST_LINES_MS)]).then(() => {
        out.end();
        err.end();
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  });
  const sent: NodeJS.Signals[] = [];
  return {
    pid,
    identity: identify(pid),
    startedMonotonicMs: performance.now(),
    exited,
    sent,
    send: async (message) =>
      child.connected && new Promise((resolve) => child.send(message, (error) => resolve(error === null))),
    signal: (name) => {
      sent.push(name);
      child.kill(name);
    },
    kill: () => {
      sent.push("SIGKILL");
      killGroup(pid);
      child.kill("SIGKILL");
    },
  };
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
  return { ...env, ...plan.serviceEnv, ...listenVariables((plan.listenFds ?? []).map(({ name }) => name)) };
}
