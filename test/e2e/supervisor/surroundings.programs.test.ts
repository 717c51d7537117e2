import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlace, getJson, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
const mounts: string[] = [];
beforeEach(() => {
  place = createPlace();
});
afterEach(() => {
  for (const mount of mounts.splice(0)) spawnSync("umount", ["-l", mount]);
  place.cleanUp();
});

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const fakeTime = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
].find((path) => existsSync(path));
const has = (program: string): boolean => spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;

async function restarted(up: Up, restarts: number): Promise<void> {
  await until(`${restarts} restarts`, async () => {
    const [runtime] = (await up.status()).processes;
    return runtime?.state === "ready" && runtime.restarts >= restarts;
  });
}

describe("state folder", () => {
  it.skipIf(!isRoot)(
    "the state folder turns read-only under a running service (needs root to remount it): it goes on, restarts, says so",
    async () => {
      mkdirSync(place.stateDir);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", place.stateDir]);
      mounts.push(place.stateDir);
      const up = place.up({ overrides: { "supervisor.logFileSize": "64KiB" } });
      const url = await up.ready();
      // Open log files would hold a remount back: a read-only view of the same folder is put over it instead.
      execFileSync("mount", ["--bind", place.stateDir, place.stateDir]);
      mounts.push(place.stateDir);
      execFileSync("mount", ["-o", "remount,bind,ro", place.stateDir]);
      process.kill(await runtimePid(url), "SIGKILL");
      await restarted(up, 1);
      await until("said so", async () => {
        await getJson(`${url}/talk?lines=2000`);
        return (await up.status()).issues.some(({ id, text }) => id === "log_write_failed" && text.includes("EROFS"));
      });
      expect((await getJson(`${url}/ready`)).status).toBe(200);
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
    },
  );
});

describe("the clock", () => {
  it.skipIf(fakeTime === undefined)(
    "set an hour forward and back under supervisor and runtime (needs libfaketime): nothing restarts, nothing stalls, a crash is still dealt with",
    async () => {
      const stamp = join(place.dir, "faketime");
      writeFileSync(stamp, "+0");
      const up = place.up({
        env: {
          LD_PRELOAD: fakeTime,
          FAKETIME_TIMESTAMP_FILE: stamp,
          FAKETIME_NO_CACHE: "1",
          // A set clock does not move CLOCK_MONOTONIC.
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
        },
      });
      const url = await up.ready();
      const pid = await runtimePid(url);
      const nowOf = async (): Promise<number> => {
        await getJson(`${url}/talk?lines=1`);
        const lines = readFileSync(join(place.stateDir, "logs", "runtime.log"), "utf8")
          .trim()
          .split("\n");
        return Date.parse((JSON.parse(lines.at(-1) ?? "{}") as { time: string }).time); // the fixture's own JSON lines
      };
      for (const [shift, hours] of [
        ["+3600", 1],
        ["-3600", -1],
        ["+0", 0],
      ] as const) {
        writeFileSync(stamp, shift);
        await until(`clock ${shift}`, async () => Math.abs((await nowOf()) - Date.now() - hours * 3_600_000) < 60_000);
        const before = (await up.status()).processes[0]?.lastProbe;
        expect(before).toBeDefined();
        const status = await up.status();
        expect(status.processes[0]).toMatchObject({ state: "ready", pid, restarts: 0 });
        expect(status.supervisor.uptimeS).toBeLessThan(300);
      }
      writeFileSync(stamp, "-3600");
      process.kill(pid, "SIGKILL");
      await restarted(up, 1);
    },
  );
});

describe("descriptors", () => {
  it.skipIf(!has("prlimit"))(
    "no descriptors left (needs prlimit): a flood of control clients is turned away, the service goes on, status answers afterwards",
    async () => {
      const up = place.up();
      const url = await up.ready();
      const open = readdirSync(`/proc/${up.process.pid}/fd`).length;
      execFileSync("prlimit", [`--pid=${up.process.pid}`, `--nofile=${open + 4}:`]);
      const sockets: Socket[] = [];
      for (let i = 0; i < 60; i++) sockets.push(createConnection(place.socket).on("error", () => {}));
      await until("some were let in", () => sockets.some((socket) => !socket.connecting));
      const pid = await runtimePid(url);
      for (const socket of sockets) socket.destroy();
      execFileSync("prlimit", [`--pid=${up.process.pid}`, "--nofile=1024:"]);
      expect((await until("status", () => up.status())).processes[0]).toMatchObject({ pid, restarts: 0 });
      process.kill(pid, "SIGKILL");
      await restarted(up, 1);
    },
  );
});
