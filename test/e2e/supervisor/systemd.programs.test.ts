import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlace, getJson, living, runtimePid, until } from "./harness.ts";
import type { Place } from "./harness.ts";

const has = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).error === undefined;
const canNotify = has("systemd-notify", "--version") && has("python3", "--version");
const canActivate = has("systemd-socket-activate", "--version");

let place: Place;
const helpers: ChildProcess[] = [];
beforeEach(() => {
  place = createPlace();
});
afterEach(() => {
  for (const helper of helpers.splice(0)) helper.kill("SIGKILL");
  place.cleanUp();
});

/** A notify socket as systemd opens it; Node has no datagram Unix sockets, so Python listens. */
async function notifySocket(): Promise<{ path: string; messages: () => string[] }> {
  const path = join(place.dir, "notify");
  const log = join(place.dir, "notify.log");
  writeFileSync(log, "");
  const code =
    "import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.bind(sys.argv[1]);print('bound',flush=True)\nf=open(sys.argv[2],'a')\nwhile True:\n f.write(s.recv(4096).decode().replace('\\n','|')+'\\n');f.flush()";
  const helper = spawn("python3", ["-c", code, path, log], { stdio: ["ignore", "pipe", "inherit"] });
  helpers.push(helper);
  await new Promise((resolve) => helper.stdout?.once("data", resolve));
  return {
    path,
    messages: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
  };
}

describe("notify and watchdog", () => {
  it.skipIf(!canNotify)(
    "tells READY with the address, RELOADING and STOPPING (needs systemd-notify and python3)",
    async () => {
      const { path, messages } = await notifySocket();
      const up = place.up({ env: { NOTIFY_SOCKET: path } });
      await up.ready();
      const ready = await until("READY", () => messages().find((line) => line.includes("READY=1")));
      expect(ready).toMatch(/STATUS=ready in .* http:\/\/127\.0\.0\.1:\d+/);
      up.process.kill("SIGHUP");
      await until("RELOADING", () =>
        messages().find((line) => line.includes("RELOADING=1") && line.includes("MONOTONIC_USEC=")),
      );
      await until("READY again", () => messages().filter((line) => line.includes("READY=1")).length >= 2);
      up.process.kill("SIGTERM");
      await up.exited;
      expect(messages().some((line) => line.includes("STOPPING=1"))).toBe(true);
    },
  );

  it.skipIf(!canNotify)(
    "feeds the watchdog while it lives and falls silent when it hangs (needs systemd-notify and python3)",
    async () => {
      const { path, messages } = await notifySocket();
      const up = place.up({ env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: "600000" } });
      await up.ready();
      const beats = (): number => messages().filter((line) => line.includes("WATCHDOG=1")).length;
      await until("beats", () => beats() >= 3);
      up.process.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 700));
      const silent = beats();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(beats()).toBe(silent);
      up.process.kill("SIGCONT");
      await until("beats again", () => beats() > silent);
    },
  );

  it.skipIf(!canNotify)(
    "a supervisor that hangs is ended and started again as a watchdog does it, and nothing of the first is left (needs systemd-notify and python3)",
    async () => {
      const { path, messages } = await notifySocket();
      const watchdogMs = 1500;
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: String(watchdogMs * 1000) };
      const overrides = { "server.port": String(await freePort()) };
      const first = place.up({ env, overrides });
      const url = await first.ready();
      const pid = await runtimePid(url);
      const beats = (): number => messages().filter((line) => line.includes("WATCHDOG=1")).length;
      await until("beats", () => beats() >= 2);
      first.process.kill("SIGSTOP");
      // What systemd does: no beat within WatchdogSec → SIGABRT, TimeoutAbortSec → SIGKILL, then Restart=.
      let known = beats();
      let sinceMs = performance.now();
      await until("watchdog", () => {
        if (beats() !== known) [known, sinceMs] = [beats(), performance.now()];
        return performance.now() - sinceMs > watchdogMs;
      });
      // The runtime does not depend on its supervisor: clients are served while that one hangs.
      expect(await runtimePid(url)).toBe(pid);
      first.process.kill("SIGABRT");
      first.process.kill("SIGKILL");
      expect((await first.exited).signal).toBe("SIGKILL");
      const second = place.up({ env, overrides });
      expect(await second.ready()).toBe(url);
      expect(await runtimePid(url)).not.toBe(pid);
      expect(living(pid)).toBe(false);
      await until("READY again", () => messages().filter((line) => line.includes("READY=1")).length >= 2);
      const after = beats();
      await until("beats again", () => beats() > after);
    },
  );
});

describe("socket activation", () => {
  it.skipIf(!canActivate)(
    "serves the socket systemd opened and leaves it to the next start (needs systemd-socket-activate)",
    async () => {
      const port = await freePort();
      const up = place.up({
        wrapper: [
          "systemd-socket-activate",
          "-l",
          `127.0.0.1:${port}`,
          "-E",
          "FIXTURE_PLAN",
          "-E",
          "PATH",
          "-E",
          "HOME",
        ],
      });
      const url = `http://127.0.0.1:${port}`;
      // The first connection is what starts it.
      await until("activated", () => runtimePid(url));
      const status = await up.status();
      expect(status.service).toMatchObject({ port, activated: true });
      // It answers before it is ready: the first connection is accepted while the model loads.
      await until("ready", async () => (await getJson(`${url}/ready`)).status === 200);
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
    },
  );

  it.skipIf(!canActivate)("refuses more than one socket (needs systemd-socket-activate)", async () => {
    const [one, two] = [await freePort(), await freePort()];
    const up = place.up({
      wrapper: ["systemd-socket-activate", "-l", `127.0.0.1:${one}`, "-l", `127.0.0.1:${two}`, "-E", "FIXTURE_PLAN"],
    });
    void until("trigger", () => fetch(`http://127.0.0.1:${one}/`, { signal: AbortSignal.timeout(500) })).catch(
      () => {},
    );
    await up.exited;
    expect(up.errors()).toContain("socket activation must pass one TCP socket for each listener, it passed 2");
  });
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // a TCP server
      server.close(() => resolve(port));
    });
  });
}
