import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "../e2e/supervisor/real-place.ts";
import { createPlace, runtimePid, until } from "../e2e/supervisor/harness.ts";
import type { Place, Up } from "../e2e/supervisor/harness.ts";

const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"];
const canUnshare =
  process.platform === "linux" && spawnSync("unshare", [...UNSHARE.slice(1), "true"], { stdio: "ignore" }).status === 0;
const init = ["tini", "docker-init"].find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

/** The process that is 1 inside, as it is called outside. */
function processOne(up: { pid?: number | undefined }): number {
  return Number(readFileSync(`/proc/${up.pid}/task/${up.pid}/children`, "utf8").trim());
}

/** Ended processes below this one that nobody collected. */
function zombiesOf(parent: number): number {
  return readdirSync("/proc").filter((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return state === "Z" && ppid === String(parent);
    } catch {
      return false;
    }
  }).length;
}

/** Runtimes that die make events, and each event runs the command. */
async function makeEvents(up: Up): Promise<void> {
  const url = await up.ready();
  for (let restarts = 1; restarts <= 3; restarts++) {
    await fetch(`${url}/exit?code=3`).catch(() => {});
    await until(`restart ${restarts}`, async () => {
      const { processes } = await up.status();
      return processes[0]?.state === "ready" && processes[0].restarts >= restarts;
    });
  }
  await until("last event", () => up.output().split("restarted").length > 3);
}

describe.skipIf(!canUnshare)("as process 1 of a PID namespace (needs unshare)", () => {
  it("up: dead runtimes and event commands are collected, SIGTERM drains", async () => {
    const up = place.up({ wrapper: UNSHARE, overrides: { "supervisor.eventCommand": '["/bin/sh","-c","cat; true"]' } });
    await makeEvents(up);
    const one = processOne(up.process);
    await until("no zombies", () => zombiesOf(one) === 0);
    expect((await up.status()).supervisor.pid).toBe(1);
    expect((await up.status()).issues.map((issue) => issue.id)).not.toContain("no_init");
    process.kill(one, "SIGTERM");
    expect((await up.exited).code).toBe(0);
  });

  it("up: what an event command leaves in the background is counted, and status names the cure", async () => {
    const up = place.up({
      wrapper: UNSHARE,
      overrides: { "supervisor.eventCommand": '["/bin/sh","-c","cat; sleep 0.1 & true"]' },
    });
    await makeEvents(up);
    const issue = await until("issue", async () =>
      (await up.status()).issues.find((candidate) => candidate.id === "no_init"),
    );
    expect(issue.text).toMatch(/^\d+ zombie processes: supervisor\.eventCommand leaves processes behind/);
    expect(issue.cure).toContain("--init");
    expect(zombiesOf(processOne(up.process))).toBeGreaterThan(2);
    process.kill(processOne(up.process), "SIGTERM");
    expect((await up.exited).code).toBe(0);
  });

  it.skipIf(init === undefined)("up under an init (needs tini): the same leaves nothing behind", async () => {
    const up = place.up({
      wrapper: [...UNSHARE, init ?? "", "--"],
      overrides: { "supervisor.eventCommand": '["/bin/sh","-c","cat; sleep 0.1 & true"]' },
    });
    await makeEvents(up);
    const one = processOne(up.process);
    await until("no zombies", () => zombiesOf(one) === 0);
    expect((await up.status()).supervisor.pid).not.toBe(1);
    process.kill(one, "SIGTERM");
    expect((await up.exited).code).toBe(0);
  });

  it("up: SIGKILL of process 1 ends everything, and the next one takes the state folder over", async () => {
    const first = place.up({ wrapper: UNSHARE });
    await first.ready();
    process.kill(processOne(first.process), "SIGKILL");
    await first.exited;
    const second = place.up({ wrapper: UNSHARE });
    expect(await runtimePid(await second.ready())).toBeGreaterThan(1);
    process.kill(processOne(second.process), "SIGTERM");
    expect((await second.exited).code).toBe(0);
  });

  it("serve: starts no process at all, and SIGTERM drains", async () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-one-"));
    const served = spawn("unshare", [...UNSHARE.slice(1), process.execPath, cli, "serve"], {
      cwd: dir,
      env: { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data"), GIGASTT_PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let out = "";
      served.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      const exited = new Promise<number | null>((resolve) => {
        served.once("exit", (code) => resolve(code));
      });
      await until("ready", () => out.includes('"ready"'), 60_000);
      const one = processOne(served);
      expect(readFileSync(`/proc/${one}/task/${one}/children`, "utf8")).toBe("");
      process.kill(one, "SIGTERM");
      expect(await exited).toBe(0);
    } finally {
      served.kill("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
