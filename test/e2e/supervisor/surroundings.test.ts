import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { createPlace, getJson, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

async function restarted(up: Up, restarts: number): Promise<void> {
  await until(`${restarts} restarts`, async () => {
    const [runtime] = (await up.status()).processes;
    return runtime?.state === "ready" && runtime.restarts >= restarts;
  });
}

describe("state folder", () => {
  it("a socket file left over, and a stale lock: a new supervisor takes their place", async () => {
    mkdirSync(place.stateDir, { mode: 0o700 });
    const left = spawn(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(place.socket)}, () => console.log("on"))`,
    ]);
    await new Promise((resolve) => left.stdout.once("data", resolve));
    left.kill("SIGKILL");
    await new Promise((resolve) => left.once("exit", resolve));
    expect(existsSync(place.socket)).toBe(true);
    const dead = JSON.stringify({ pid: left.pid, birth: "another boot:1", startedAt: "", version: "0" });
    writeFileSync(join(place.stateDir, "supervisor.json"), dead);
    writeFileSync(join(place.stateDir, "supervisor.json.break"), dead);
    const up = place.up();
    await up.ready();
    expect((await up.status()).overall).toBe("ok");
  });

  it("state files half written: passed over, written again", async () => {
    mkdirSync(join(place.stateDir, "generations", "1"), { recursive: true, mode: 0o700 });
    writeFileSync(join(place.stateDir, "generations", "1", "generation.json"), '{"number":1,"at":"2026-');
    mkdirSync(join(place.stateDir, "history", "events"), { recursive: true });
    writeFileSync(join(place.stateDir, "history", "events", "2026-01-01T00"), '[{"at":"2026-01-01T00:00:00Z","ev');
    writeFileSync(join(place.stateDir, "children.json"), '[{"pid": 12, "bir');
    const up = place.up();
    await up.ready();
    expect((await up.status()).overall).toBe("ok");
    expect(JSON.parse(readFileSync(join(place.stateDir, "children.json"), "utf8"))).toHaveLength(1);
    await expect(callControl({ socket: place.socket, cmd: "rollback", timeoutMs: 5000 })).rejects.toThrow("no earlier");
  });

  it("state of a newer version: fields we do not know cause no trouble and stay as they are", async () => {
    const newer = { number: 7, at: "2030-01-01T00:00:00.000Z", version: "9.0.0", hash: "f".repeat(64), shape: "new" };
    const folder = join(place.stateDir, "generations", "7");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, "generation.json"), JSON.stringify(newer));
    const children = [{ pid: 4_000_000, birth: "elsewhere:1", name: "gpu-helper", since: "2030" }];
    writeFileSync(join(place.stateDir, "children.json"), JSON.stringify(children));
    const up = place.up();
    await up.ready();
    expect((await up.status()).overall).toBe("ok");
    expect(JSON.parse(readFileSync(join(folder, "generation.json"), "utf8"))).toEqual(newer);
    expect(readdirSync(join(place.stateDir, "generations"))).toContain("8");
  });

  it("the whole state folder deleted under a running service: it goes on serving and still stops cleanly", async () => {
    const up = place.up();
    const url = await up.ready();
    const pid = await runtimePid(url);
    rmSync(place.stateDir, { recursive: true });
    expect((await getJson(`${url}/ready`)).status).toBe(200);
    process.kill(pid, "SIGKILL");
    await until("started anew", async () => (await runtimePid(url)) !== pid);
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
  });
});

describe("receivers of events", () => {
  it("a webhook that accepts and never answers: events are dropped, restarts are not held up, the exit is not held", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo; // a TCP server
    try {
      const up = place.up({ overrides: { "supervisor.webhook": `http://127.0.0.1:${port}/` } });
      const url = await up.ready();
      process.kill(await runtimePid(url), "SIGKILL");
      await restarted(up, 1);
      await until("warned", () => up.output().includes("no answer within"));
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
    } finally {
      silent.close();
    }
  });
});
