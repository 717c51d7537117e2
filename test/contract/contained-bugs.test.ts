import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../support/ws-client.ts";

type Line = Record<string, unknown>;

/** A served process whose engine has bugs on request. */
interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly lines: Line[];
}

let running: ChildProcess | undefined;
afterEach(async () => {
  if (running?.exitCode !== null) return;
  running.kill("SIGKILL");
  await once(running, "exit");
});

async function start(): Promise<Server> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../fixtures/buggy-server.js", import.meta.url))]);
  running = child;
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line)); // our own JSON
  await expect.poll(() => lines.some(({ event }) => event === "ready")).toBe(true);
  const port = Number(lines.find(({ event }) => event === "listening")?.["port"]);
  return { child, url: `http://127.0.0.1:${port}`, lines };
}
const post = (url: string, body: string): Promise<Response> => fetch(`${url}/v1/transcribe`, { method: "POST", body });
const bugs = (lines: readonly Line[]): Line[] => lines.filter(({ event }) => event === "bug");

describe("an error that nothing catches", () => {
  it("ends the connection it belongs to, and nothing else", async () => {
    const { child, url, lines } = await start();
    const other = await connect(`${url.replace("http", "ws")}/v1/ws`);
    expect((await other.next()).type).toBe("ready");
    for (const body of ["throws in a timer", "rejects without a catch", "throws in the next tick"]) {
      await expect(post(url, body)).rejects.toThrow("fetch failed");
      await expect.poll(() => bugs(lines).at(-1)).toMatchObject({ ended: "connection", route: "/v1/transcribe" });
    }
    const broken = await connect(`${url.replace("http", "ws")}/v1/ws`);
    broken.send({ type: "configure", sample_rate: 16_000 });
    broken.audio(new Uint8Array(1000));
    expect((await broken.closed).code).not.toBe(1000);
    expect(child.exitCode).toBeNull();
    expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({ pool_available: 4, pool_total: 4 });
    other.send({ type: "stop" });
    expect((await other.closed).code).toBe(1000);
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(bugs(lines).length).toBeGreaterThanOrEqual(3);
  });

  it("ends the process in an orderly way when no connection is to blame", async () => {
    const { child, url, lines } = await start();
    await post(url, "throws outside of every request").catch(() => {});
    expect((await once(child, "exit"))[0]).toBe(1);
    expect(lines.find(({ event }) => event === "drain_end")).toBeDefined();
  });
});
