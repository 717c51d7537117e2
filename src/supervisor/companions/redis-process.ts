import net from "node:net";
import { tmpdir } from "node:os";
import { COMPANION_START_MS, REDIS_STOP_MS } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { messageOf } from "../../shared/errors.ts";
import { redisLine } from "./foreign-lines.ts";
import { guardChild } from "../process/orphan-guard.ts";
import type { ProcessDefinition } from "../process/instance.ts";
import type { ProbeAnswer } from "../process/probe.ts";
import { setTimeout } from "../../shared/time/timers.ts";

export interface RedisProcessOptions {
  readonly binary: () => string;
  readonly socket: string;
  readonly dataDir: string;
  readonly config: () => ResolvedConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly runtimePid: () => number | undefined;
}

/** Redis or Valkey as a managed process: on a socket file only, so that nothing but this user reaches it. */
export function createRedisProcess(options: RedisProcessOptions): ProcessDefinition {
  const ping = (): Promise<ProbeAnswer & { readonly loading: boolean }> =>
    pingRedis(options.socket, options.config().supervisor.healthTimeoutMs);
  return {
    name: "redis",
    plan: () => ({
      file: options.binary(),
      args: redisArguments(options.socket, options.dataDir, options.config().supervisor.redis.memoryBytes),
      env: options.env,
      cwd: tmpdir(),
      ipc: false,
    }),
    timing: () => {
      const { supervisor } = options.config();
      return {
        startMs: COMPANION_START_MS,
        healthIntervalMs: supervisor.healthIntervalMs,
        healthTimeoutMs: supervisor.healthTimeoutMs,
        stopMs: REDIS_STOP_MS,
      };
    },
    started: (instance) => {
      const guard = guardChild(instance.child.pid, {
        early: undefined,
        patienceMs: options.config().shutdown.drainMs + REDIS_STOP_MS,
      });
      guard.outlive(options.runtimePid());
      void instance.ended.then(guard.release);
    },
    logLine: (line) => redisLine(line, Date.now()),
    gate: ping,
    health: async () => {
      const answer = await ping();
      return { ...answer, ok: answer.ok || answer.loading };
    },
    requestStop: (instance) => instance.child.signal("SIGTERM"),
  };
}

/** Everything on the command line: no file that could be edited into something else. */
export function redisArguments(socket: string, dataDir: string, memoryBytes: number): string[] {
  const settings: Readonly<Record<string, string>> = {
    port: "0",
    unixsocket: socket,
    unixsocketperm: "700",
    dir: dataDir,
    daemonize: "no",
    supervised: "no",
    logfile: "",
    appendonly: "yes",
    save: "",
    maxmemory: String(memoryBytes),
    "maxmemory-policy": "noeviction",
    databases: "1",
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

// ---

/** PING over the socket file; the protocol's inline form needs no client library. */
function pingRedis(socketPath: string, timeoutMs: number): Promise<ProbeAnswer & { readonly loading: boolean }> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    const finish = (text: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({
        ok: text === "+PONG",
        loading: text.startsWith("-LOADING"),
        text: `PING → ${text}`,
        tookMs: Math.round(performance.now() - started),
        body: undefined,
      });
    };
    const timer = setTimeout(() => setTimeout(() => finish(`no answer within ${timeoutMs} ms`), 50), timeoutMs);
    let read = "";
    socket.on("error", (error) => finish(messageOf(error)));
    socket.on("data", (chunk) => {
      read += chunk.toString("latin1");
      const end = read.indexOf("\r\n");
      if (end >= 0 || read.length > 1024) finish(read.slice(0, end >= 0 ? end : 200));
    });
    socket.on("connect", () => socket.write("PING\r\n"));
  });
}
