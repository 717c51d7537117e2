import http from "node:http";
import { hostname } from "node:os";
import { messageOf } from "../../shared/errors.ts";
import type { SupervisorEvent } from "../logs/events.ts";
import { runChild } from "../process/run-child.ts";
import { setTimeout } from "../../shared/time/timers.ts";

export interface HookSettings {
  readonly webhook: string | undefined;
  readonly eventCommand: readonly string[];
}

/** Sends events to other programs: a POST to a webhook, a command with the event on its standard input. */
export interface Hooks {
  send(event: SupervisorEvent): void;
  /** Waits for the delivery in progress, at most this long, then drops it and the queue. The last call. */
  settled(limitMs: number): Promise<void>;
}

/** Events worth an alert. The rest is in the log. */
export const HOOK_EVENTS: ReadonlySet<string> = new Set([
  "ready",
  "died",
  "hung",
  "restarted",
  "crash_loop",
  "start_failed",
  "handed_over",
  "handover_failed",
  "drained",
  "reloaded",
  "reload_failed",
  "rolled_back",
  "memory_limit",
  "certificate_expiring",
  "stopping",
]);

const MAX_WAITING = 100;
const WEBHOOK_TIMEOUT_MS = 5000;
const COMMAND_TIMEOUT_MS = 10_000;

/** Delivers in order, one at a time; a slow or dead receiver costs events, never the service. */
export function createHooks(
  settings: () => HookSettings,
  report: (event: SupervisorEvent) => void,
  env: NodeJS.ProcessEnv,
): Hooks {
  const queue: string[] = [];
  let working: Promise<void> | undefined;
  const giveUp = new AbortController();
  let failing = false;

  const deliver = async (body: string): Promise<void> => {
    const { webhook, eventCommand } = settings();
    const results = await Promise.all([
      webhook === undefined ? undefined : post(webhook, body, giveUp.signal),
      eventCommand.length === 0 ? undefined : runCommand(eventCommand, body, { env, signal: giveUp.signal }),
    ]);
    const reason = results.find((result) => result !== undefined);
    // Once per outage: the report itself must not fill the log.
    if (reason !== undefined && !failing) report({ level: "warn", event: "hook_failed", reason });
    failing = reason !== undefined;
  };

  const work = async (): Promise<void> => {
    for (let body = queue.shift(); body !== undefined; body = queue.shift()) await deliver(body);
  };

  return {
    send: (event) => {
      const { webhook, eventCommand } = settings();
      if (!HOOK_EVENTS.has(event.event) || (webhook === undefined && eventCommand.length === 0)) return;
      if (queue.length >= MAX_WAITING) return;
      queue.push(JSON.stringify({ product: "gigastt", host: hostname(), at: new Date().toISOString(), ...event }));
      working ??= work().finally(() => {
        working = undefined;
      });
    },
    settled: async (limitMs) => {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limitMs);
      });
      await Promise.race([working, limit]);
      clearTimeout(timer);
      // A receiver that hangs would hold the end of the process for its own time-out, once per event that waits.
      queue.length = 0;
      giveUp.abort();
    },
  };
}

// ---

/** Undefined when it was taken, else why not. */
async function post(url: string, body: string, signal: AbortSignal): Promise<string | undefined> {
  // TLS costs some megabytes: only where it is needed.
  const client = url.startsWith("https:") ? await import("node:https") : http;
  return new Promise((resolve) => {
    const request = client.request(
      url,
      {
        method: "POST",
        agent: false,
        signal,
        timeout: WEBHOOK_TIMEOUT_MS,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        response.once("close", () => resolve(status >= 200 && status < 300 ? undefined : `webhook answered ${status}`));
      },
    );
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${WEBHOOK_TIMEOUT_MS} ms`)),
      WEBHOOK_TIMEOUT_MS,
    );
    request.once("error", (error) => resolve(`webhook: ${messageOf(error)}`));
    request.once("close", () => clearTimeout(timer));
    request.end(body);
  });
}

/** The event goes to its standard input, which it need not read. What it started is killed with it at the time limit. */
async function runCommand(
  words: readonly string[],
  body: string,
  { env, signal }: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const [file = "", ...args] = words;
  const { trouble } = await runChild(
    { file, args, env, cwd: process.cwd(), ipc: false, input: body },
    { timeoutMs: COMMAND_TIMEOUT_MS, signal },
  );
  return trouble === undefined ? undefined : `event command: ${trouble}`;
}
