import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../contract/proxy/front.ts";

/** The program, where it is installed. */
export const redisServer: string | undefined = findTool("redis-server") ?? findTool("valkey-server");

export interface RunningRedis {
  /** Path of its socket file. */
  readonly socket: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A real Redis without persistence on a socket file; the same `dir` brings the same address. */
export async function startRedis(dir: string = mkdtempSync(join(tmpdir(), "gigastt-redis-"))): Promise<RunningRedis> {
  const socket = join(dir, "r.sock");
  const child = spawn(
    redisServer ?? "redis-server",
    ["--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no"],
    { stdio: "ignore" },
  );
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
      rmSync(socket, { force: true });
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
