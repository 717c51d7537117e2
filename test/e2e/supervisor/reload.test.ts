import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { createPlace, getJson, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
let file: string;
beforeEach(() => {
  place = createPlace();
  file = join(place.dir, "gigastt.config.yaml");
});
afterEach(() => place.cleanUp());

const BASE = "pool:\n  queue: 3\nsupervisor:\n  watchConfig: false\n";

async function start(text = BASE): Promise<{ up: Up; url: string }> {
  writeFileSync(file, text);
  const up = place.up({ file });
  return { up, url: await up.ready() };
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 20_000 });
}

async function runningQueue(url: string): Promise<unknown> {
  const { body } = await getJson(`${url}/pid`);
  const config: unknown = body["config"];
  return typeof config === "object" && config !== null
    ? Reflect.get(Reflect.get(config, "pool") as object, "queue")
    : undefined; // the fixture echoes the resolved configuration
}

describe("reload", () => {
  it("applies a live key without a new process", async () => {
    const { url } = await start();
    const pid = await runtimePid(url);
    writeFileSync(file, BASE.replace("queue: 3", "queue: 5"));
    expect(await control("plan")).toEqual({
      effect: "live",
      changes: [{ key: "pool.queue", before: 3, after: 5, class: "live" }],
    });
    expect(await runningQueue(url)).toBe(3);
    expect(await control("reload")).toMatchObject({ effect: "live" });
    expect(await runningQueue(url)).toBe(5);
    expect(await runtimePid(url)).toBe(pid);
    expect(await control("reload")).toMatchObject({ effect: "none", changes: [] });
  });

  it("applies an engine key by hand-over", async () => {
    const { url } = await start();
    const pid = await runtimePid(url);
    writeFileSync(file, `${BASE}engine:\n  workers: 1\n`);
    expect(await control("reload")).toMatchObject({ effect: "handover" });
    expect(await runtimePid(url)).not.toBe(pid);
  });

  it("moves to another port by restart, and back when that port is taken", async () => {
    writeFileSync(file, BASE);
    const taken = new URL(await place.up({ file }).ready()).port;
    const other = createPlace();
    try {
      const free = await freePort();
      const movable = `${BASE}server:\n  port: 0\n`;
      const otherFile = join(other.dir, "c.yaml");
      writeFileSync(otherFile, movable);
      const up = other.up({ file: otherFile, without: ["server.port"] });
      await up.ready();
      writeFileSync(otherFile, `${BASE}server:\n  port: ${free}\n`);
      await callControl({ socket: other.socket, cmd: "reload", timeoutMs: 20_000 });
      expect((await up.status()).service.port).toBe(free);
      expect((await getJson(`http://127.0.0.1:${free}/ready`)).status).toBe(200);
      writeFileSync(otherFile, `${BASE}server:\n  port: ${taken}\n`);
      await expect(callControl({ socket: other.socket, cmd: "reload", timeoutMs: 20_000 })).rejects.toThrow(
        `port ${taken} on 127.0.0.1 is in use by another program`,
      );
      expect((await getJson(`http://127.0.0.1:${free}/ready`)).status).toBe(200);
    } finally {
      other.cleanUp();
    }
  });

  it("shows every problem of an invalid file and changes nothing", async () => {
    const { up, url } = await start();
    const pid = await runtimePid(url);
    const { hash } = (await up.status()).config;
    writeFileSync(file, "pool:\n  queue: -1\n  sise: 3\n");
    await expect(control("reload")).rejects.toThrow(
      /gigastt\.config\.yaml:2:10 pool\.queue: .*\n.*gigastt\.config\.yaml:3:3 pool\.sise: /,
    );
    const status = await up.status();
    expect(status.config.hash).toBe(hash);
    expect(status.issues.map((issue) => issue.id)).toContain("config_invalid");
    expect(await runtimePid(url)).toBe(pid);
    writeFileSync(file, BASE);
    await control("reload");
    expect((await up.status()).issues).toEqual([]);
  });

  it("keeps the old configuration when the runtime refuses the new one", async () => {
    place.plan({ refuseReload: "not while the moon is full" });
    const { up, url } = await start();
    const { hash } = (await up.status()).config;
    writeFileSync(file, BASE.replace("queue: 3", "queue: 5"));
    await expect(control("reload")).rejects.toThrow("not while the moon is full. The old one stays in use");
    expect(await runningQueue(url)).toBe(3);
    expect((await up.status()).config.hash).toBe(hash);
  });

  it("rolls back by itself when a runtime with the new engine settings is not healthy", async () => {
    const { up, url } = await start();
    const pid = await runtimePid(url);
    const { hash } = (await up.status()).config;
    place.plan({ exitEarly: 4 });
    writeFileSync(file, `${BASE}engine:\n  workers: 1\n`);
    await expect(control("reload")).rejects.toThrow("exit code 4. The old runtime keeps serving.");
    expect(await runtimePid(url)).toBe(pid);
    expect((await up.status()).config.hash).toBe(hash);
    await until("it says so", () => up.output().includes("rolled back"));
  });

  it("follows SIGHUP and a changed file", async () => {
    const { up, url } = await start();
    writeFileSync(file, BASE.replace("queue: 3", "queue: 6"));
    up.process.kill("SIGHUP");
    await until("SIGHUP applied", async () => (await runningQueue(url)) === 6);
    writeFileSync(file, "pool:\n  queue: 7\n");
    up.process.kill("SIGHUP");
    await until("watching", async () => (await runningQueue(url)) === 7);
    writeFileSync(file, "pool:\n  queue: 8\n");
    await until("file change applied", async () => (await runningQueue(url)) === 8);
  });

  it("a file that was reloaded before the supervisor looked at it is no change that waits", async () => {
    const { up } = await start();
    writeFileSync(file, BASE.replace("queue: 3", "queue: 5"));
    await control("reload");
    // Longer than the file is left unwatched.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await up.status()).issues).toEqual([]);
    writeFileSync(file, BASE.replace("queue: 3", "queue: 6"));
    await until("the change is seen", async () => (await up.status()).issues.some(({ id }) => id === "config_changed"));
  });

  it("rolls back to the last healthy configuration on request", async () => {
    const { url } = await start();
    writeFileSync(file, BASE.replace("queue: 3", "queue: 5"));
    await control("reload");
    await control("rollback");
    expect(await runningQueue(url)).toBe(3);
    expect(readFileSync(file, "utf8")).toBe(BASE);
    expect(readFileSync(`${file}.before-rollback`, "utf8")).toContain("queue: 5");
  });

  it("rolls an edit back that was never taken over, and a removed file: to what runs, no further", async () => {
    const { url } = await start();
    const running = BASE.replace("queue: 3", "queue: 5");
    writeFileSync(file, running);
    await control("reload");
    writeFileSync(file, "pool: { size: many }\n");
    await control("rollback");
    expect([await runningQueue(url), readFileSync(file, "utf8")]).toEqual([5, running]);
    expect(readFileSync(`${file}.before-rollback`, "utf8")).toContain("many");
    rmSync(file);
    await control("rollback");
    expect([await runningQueue(url), readFileSync(file, "utf8")]).toEqual([5, running]);
    await control("rollback");
    expect(await runningQueue(url)).toBe(3);
  });

  it("refuses a second operation while one runs and says which", async () => {
    place.plan({ loadMs: 1000 });
    await start();
    const first = control("restart");
    await expect(
      until(
        "busy",
        () =>
          control("restart").then(
            () => false,
            (error: Error) => Promise.reject(error),
          ),
        50,
      ),
    ).rejects.toThrow("restart has been running since");
    expect(await first).toMatchObject({ mode: "handover" });
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
