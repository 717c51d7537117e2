import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import type { StatusReport } from "../../../src/supervisor/status/status.ts";
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

const canMount =
  process.platform === "linux" && process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;

function mountTmpfs(dir: string, options: string): void {
  mkdirSync(dir, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", dir]);
  mounts.push(dir);
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 20_000 });
}

function readyAfter(up: Up, restarts: number): Promise<StatusReport> {
  return until(`ready after ${restarts} restarts`, async () => {
    const status = await up.status();
    return status.processes[0]?.state === "ready" && status.processes[0].restarts >= restarts ? status : undefined;
  });
}

describe("disk", () => {
  it.skipIf(!canMount)(
    "disk full (needs root for a small file system): the service goes on, the issue says so, and it heals",
    async () => {
      mountTmpfs(place.stateDir, "size=256k,mode=0700");
      const up = place.up();
      const url = await up.ready();
      const ballast = join(place.stateDir, "ballast");
      spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k", "count=1000"]);
      await getJson(`${url}/talk?lines=2000`);
      const full = await until("log trouble", async () => {
        await getJson(`${url}/talk?lines=50`);
        const status = await up.status();
        return status.issues.some((issue) => issue.id === "log_write_failed") ? status : undefined;
      });
      expect(full.issues.find((issue) => issue.id === "log_write_failed")?.text).toMatch(/ENOSPC/);
      expect((await getJson(`${url}/ready`)).status).toBe(200);
      process.kill(await runtimePid(url), "SIGKILL");
      await readyAfter(up, 1);
      rmSync(ballast);
      rmSync(join(place.stateDir, "logs", "runtime.log.1"), { force: true });
      await until("healed", async () => {
        await getJson(`${url}/talk?lines=1`);
        return (await up.status()).issues.every((issue) => issue.id !== "log_write_failed");
      });
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
    },
  );

  it.skipIf(!canMount)("state directory read-only (needs root to mount one): refused with the cure", async () => {
    mountTmpfs(place.stateDir, "ro,mode=0700");
    const up = place.up();
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toMatch(
      /GST_STATE_DIR state directory .* is on a read-only file system: mount a writable volume there/,
    );
  });
});

const memoryGroups = "/sys/fs/cgroup/memory";
const canLimitMemory = process.getuid?.() === 0 && existsSync(join(memoryGroups, "cgroup.procs"));

describe("memory control group", () => {
  it.skipIf(!canLimitMemory)(
    "out-of-memory kill (needs root and a v1 memory controller): recognised, named, restarted",
    async () => {
      const group = join(memoryGroups, `gigastt-test-${process.pid}`);
      mkdirSync(group);
      try {
        writeFileSync(join(group, "memory.limit_in_bytes"), String(400 * 2 ** 20));
        const up = place.up({ wrapper: ["/bin/sh", "-c", `echo $$ > ${group}/cgroup.procs; exec "$@"`, "sh"] });
        const url = await up.ready();
        await fetch(`${url}/eat`).catch(() => {});
        const status = await readyAfter(up, 1);
        expect(status.processes[0]?.lastRestarts[0]).toMatchObject({
          kind: "out_of_memory",
          reason: "killed by the kernel: out of memory",
        });
        expect(status.issues.map((issue) => issue.id)).toContain("out_of_memory");
        up.process.kill("SIGTERM");
        await up.exited;
      } finally {
        spawnSync("rmdir", [group]);
      }
    },
  );

  it.skipIf(!canLimitMemory)(
    "too little memory for two (needs root and a v1 memory controller): drains first, says so, refuses no connection",
    async () => {
      const group = join(memoryGroups, `gigastt-test2-${process.pid}`);
      mkdirSync(group);
      try {
        const up = place.up({ wrapper: ["/bin/sh", "-c", `echo $$ > ${group}/cgroup.procs; exec "$@"`, "sh"] });
        const url = await up.ready();
        const used = Number(readFileSync(join(group, "memory.usage_in_bytes"), "utf8"));
        writeFileSync(join(group, "memory.limit_in_bytes"), String(used + 60 * 2 ** 20));
        const pid = await runtimePid(url);
        const restarting = control("restart");
        const [after, result] = await Promise.all([
          until("new runtime", async () => ((await runtimePid(url)) === pid ? undefined : runtimePid(url))),
          restarting,
        ]);
        expect(result).toMatchObject({ mode: "stop_start" });
        expect(String(Reflect.get(result as object, "why"))).toMatch(
          /a second runtime needs about \d+ MiB, \d+ MiB are available/,
        );
        expect(after).not.toBe(pid);
        up.process.kill("SIGTERM");
        await up.exited;
      } finally {
        spawnSync("rmdir", [group]);
      }
    },
  );
});
