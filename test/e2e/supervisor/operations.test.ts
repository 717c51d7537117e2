import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { childNotes, createPlace, getJson, living, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
let file: string;
beforeEach(() => {
  place = createPlace();
  file = join(place.dir, "gigastt.config.yaml");
});
afterEach(() => place.cleanUp());

const config = (queue: number): string => `pool:\n  queue: ${queue}\nsupervisor:\n  watchConfig: false\n`;

async function start(): Promise<{ up: Up; url: string }> {
  writeFileSync(file, config(3));
  const up = place.up({ file });
  return { up, url: await up.ready() };
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 30_000 });
}

async function runningQueue(url: string): Promise<unknown> {
  const { body } = await getJson(`${url}/pid`);
  // The fixture echoes the resolved configuration.
  return Reflect.get(Reflect.get(body["config"] as object, "pool") as object, "queue");
}

/** Begins a hand-over whose new runtime takes its time, and resolves when that one runs. */
async function slowHandOver(loadMs: number): Promise<{ done: Promise<unknown>; successor: number }> {
  const known = new Set(childNotes(place.stateDir).map(({ pid }) => pid));
  place.plan({ loadMs });
  const done = control("restart").catch((error: unknown) => error);
  const successor = await until("successor", () => childNotes(place.stateDir).find(({ pid }) => !known.has(pid)));
  return { done, successor: successor.pid };
}

describe("operations that meet", () => {
  it("a storm of SIGHUPs is one reload that is under way and one more, and the last file counts", async () => {
    const { up, url } = await start();
    for (let i = 0; i < 60; i++) {
      if (i === 40) writeFileSync(file, config(9));
      up.process.kill("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until("applied", async () => (await runningQueue(url)) === 9);
    const status = await until("quiet", async () => {
      const found = await up.status();
      return found.operation === null ? found : undefined;
    });
    expect(status.issues).toEqual([]);
    expect(status).toMatchObject({ overall: "ok", processes: [{ restarts: 0 }] });
    // Each reload reads the file in a process of its own: sixty of them would be a minute of work.
    expect(up.output().split("reload_requested").length - 1).toBeLessThan(15);
  });

  it("SIGHUP during a restart waits for it and is applied afterwards", async () => {
    const { up, url } = await start();
    const { done } = await slowHandOver(800);
    writeFileSync(file, config(7));
    up.process.kill("SIGHUP");
    expect(await done).toMatchObject({ mode: "handover" });
    await until("applied", async () => (await runningQueue(url)) === 7);
  });

  it("restart and reload during a drain are refused by name, and the drain goes on", async () => {
    const { up, url } = await start();
    const slow = getJson(`${url}/slow?ms=1500`);
    await until("request arrives", async () => (await up.status()).runtime?.sessionsActive);
    up.process.kill("SIGTERM");
    await until("draining", () => up.output().includes("Finishing running sessions"));
    await expect(control("restart")).rejects.toThrow("gigastt is stopping");
    await expect(control("reload")).rejects.toThrow("gigastt is stopping");
    expect((await slow).status).toBe(200);
    expect((await up.exited).code).toBe(0);
  });

  it("a system shutdown while the new runtime still loads: both end, exit 0, nothing left", async () => {
    const { up, url } = await start();
    const old = await runtimePid(url);
    const { done, successor } = await slowHandOver(5000);
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
    expect(await done).toBeInstanceOf(Error);
    expect([living(old), living(successor)]).toEqual([false, false]);
  });

  it("a system shutdown while the old runtime drains after a hand-over: its request ends, exit 0", async () => {
    const { up, url } = await start();
    const old = await runtimePid(url);
    const slow = getJson(`${url}/slow?ms=1500`);
    await until("request arrives", async () => (await up.status()).runtime?.sessionsActive);
    const { done, successor } = await slowHandOver(30);
    await until("handed over", async () => (await up.status()).processes[0]?.pid === successor);
    up.process.kill("SIGTERM");
    expect((await slow).body["pid"]).toBe(old);
    expect((await up.exited).code).toBe(0);
    await done;
    expect([living(old), living(successor)]).toEqual([false, false]);
  });

  it("kill -9 of the new runtime during a hand-over: the old one goes on as if nothing had been", async () => {
    const { up, url } = await start();
    const old = await runtimePid(url);
    const { done, successor } = await slowHandOver(3000);
    process.kill(successor, "SIGKILL");
    expect(String(await done)).toContain("The old runtime keeps serving");
    expect(await runtimePid(url)).toBe(old);
    expect((await up.status()).processes[0]).toMatchObject({ state: "ready", restarts: 0, pid: old });
  });

  it("kill -9 of the old runtime during a hand-over: the new one takes over, connections wait", async () => {
    const { up, url } = await start();
    const old = await runtimePid(url);
    const { done, successor } = await slowHandOver(1000);
    process.kill(old, "SIGKILL");
    await until("gone", () => !living(old));
    expect(await runtimePid(url)).toBe(successor);
    expect(await done).toMatchObject({ mode: "handover" });
    expect((await up.status()).overall).toBe("ok");
  });

  it("SIGSTOP of the runtime, then SIGTERM of the supervisor: killed at the deadline, exit 1, nothing left", async () => {
    const { up, url } = await start();
    const pid = await runtimePid(url);
    process.kill(pid, "SIGSTOP");
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(1);
    expect(living(pid)).toBe(false);
  });

  it("the configuration file deleted: reload says so, the service goes on, and heals when it is back", async () => {
    const { up, url } = await start();
    const pid = await runtimePid(url);
    rmSync(file);
    await expect(control("reload")).rejects.toThrow(/gigastt\.config\.yaml/);
    expect((await up.status()).issues.map((issue) => issue.id)).toEqual(["config_invalid"]);
    expect(await runtimePid(url)).toBe(pid);
    writeFileSync(file, config(3));
    await control("reload");
    expect((await up.status()).issues).toEqual([]);
  });

  it("three times up at once: one serves, the others name it", async () => {
    writeFileSync(file, config(3));
    const ups = [place.up({ file }), place.up({ file }), place.up({ file })];
    const serving = await until("one serves", () => ups.find((up) => up.output().includes("ready in")));
    const others = ups.filter((up) => up !== serving);
    expect((await Promise.all(others.map((up) => up.exited))).map(({ code }) => code)).toEqual([1, 1]);
    for (const up of others) expect(up.errors()).toContain(`(pid ${serving.process.pid},`);
    expect((await serving.status()).supervisor.pid).toBe(serving.process.pid);
  });
});
