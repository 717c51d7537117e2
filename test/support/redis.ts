import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../contract/proxy/front.ts";
import { whenWeEnd } from "./leash.ts";

/** The programs, where they are installed. */
export const valkeyServer: string | undefined = findTool("valkey-server");
export const redisServer: string | undefined = findTool("redis-server") ?? valkeyServer;

export interface RunningRedis {
  /** Path of its socket file. */
  readonly socket: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface RedisStart {
  /** What was written is there after a new start, to the last command. */
  readonly keep?: boolean;
  readonly program?: string | undefined;
  /** A command that starts it, such as one for a network of its own. */
  readonly wrap?: readonly string[];
  readonly options?: readonly string[];
}

/**
 * A real Redis on a socket file; the same `dir` brings the same address, and with `keep` what was written. Without one its folder is its own, and
 * goes with it.
 */
export async function startRedis(
  given?: string,
  { keep = false, program = redisServer, wrap = [], options = [] }: RedisStart = {},
): Promise<RunningRedis> {
  const dir = given ?? mkdtempSync(join(tmpdir(), "gigastt-redis-"));
  const socket = join(dir, "r.sock");
  const [command = "", ...argv] = [...wrap, program ?? "redis-server"];
  const kept = keep ? KEPT : ["--appendonly", "no"];
  const child = spawn(
    command,
    [...argv, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", ...kept, ...options],
    { stdio: "ignore" },
  );
  const leash = whenWeEnd(`kill -9 ${child.pid}${given === undefined ? `; rm -rf '${dir}'` : ""}`);
  for (let i = 0; !(await answers(socket)); i++) {
    if (i > 200) throw new Error("redis-server does not answer");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    socket,
    pid: child.pid ?? 0,
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      rmSync(given === undefined ? dir : socket, { recursive: true, force: true });
      leash.cancel();
    },
  };
}

const KEPT = ["--appendonly", "yes", "--appendfsync", "always"];

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
