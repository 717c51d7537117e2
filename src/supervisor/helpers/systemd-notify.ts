import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { runChild } from "../process/run-child.ts";

/** Messages to systemd (`sd_notify`); silent when it does not wait for any. */
export interface Notifier {
  /** True under systemd with Type=notify. */
  readonly active: boolean;
  /** How often systemd wants a sign of life; undefined = never. */
  readonly watchdogMs: number | undefined;
  ready(status: string): Promise<void>;
  reloading(): Promise<void>;
  stopping(): Promise<void>;
  status(text: string): Promise<void>;
  alive(): void;
  close(): void;
}

/**
 * Node has no Unix datagram sockets, so `systemd-notify` sends for us. READY, RELOADING and STOPPING go by one call each, and
 * we wait for it. The watchdog's beats would cost a process each: one long-lived shell loop sends them instead, and each beat
 * needs a byte from us, so that our own hang silences it.
 */
export function createNotifier(env: NodeJS.ProcessEnv): Notifier {
  const socket = env["NOTIFY_SOCKET"];
  const active = socket !== undefined && socket !== "";
  const forUs = env["WATCHDOG_PID"] === undefined || Number(env["WATCHDOG_PID"]) === process.pid;
  const intervalUs = forUs ? Number(env["WATCHDOG_USEC"] ?? "0") : 0;
  const watchdogMs = active && intervalUs > 0 ? Math.max(100, Math.floor(intervalUs / 2000)) : undefined;
  let pulse: ChildProcess | undefined;
  let broken = false;

  const send = async (...words: readonly string[]): Promise<void> => {
    if (!active || broken) return;
    const { isMissing } = await runChild(
      {
        file: "systemd-notify",
        args: [`--pid=${process.pid}`, ...words],
        env,
        serviceEnv: { NOTIFY_SOCKET: socket },
        cwd: "/",
        ipc: false,
      },
      { timeoutMs: NOTIFY_TIMEOUT_MS },
    );
    // Not installed: systemd will say that we never got ready, which is the truth.
    broken ||= isMissing;
  };

  return {
    active,
    watchdogMs,
    ready: (status) => send("--ready", `--status=${oneLine(status)}`),
    reloading: () => send("RELOADING=1", `MONOTONIC_USEC=${String(process.hrtime.bigint() / 1000n)}`),
    stopping: () => send("STOPPING=1"),
    status: (text) => send(`--status=${oneLine(text)}`),
    alive: () => {
      if (watchdogMs === undefined || broken) return;
      if (pulse === undefined) {
        pulse = spawn(
          "/bin/sh",
          ["-c", 'while read -r _; do systemd-notify "--pid=$0" WATCHDOG=1; done', String(process.pid)],
          {
            env: { ...env, NOTIFY_SOCKET: socket },
            stdio: ["pipe", "ignore", "ignore"],
          },
        );
        pulse.on("error", () => {
          pulse = undefined;
        });
        pulse.stdin?.on("error", () => {});
        pulse.once("exit", () => {
          pulse = undefined;
        });
      }
      pulse.stdin?.write("\n");
    },
    close: () => {
      pulse?.stdin?.end();
    },
  };
}

const NOTIFY_TIMEOUT_MS = 10_000;

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
