import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createConnection } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import type { StatusReport } from "../../../src/supervisor/status/status.ts";
import { createPlace, getJson, living, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

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
  it("a file where the state directory should be: refused with the cure", async () => {
    writeFileSync(place.stateDir, "");
    const up = place.up();
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toContain("a file with that name exists");
  });

  it("log files deleted under a running service: written again", async () => {
    const up = place.up();
    const url = await up.ready();
    const log = join(place.stateDir, "logs", "runtime.log");
    rmSync(join(place.stateDir, "logs"), { recursive: true });
    await until("new log file", async () => {
      await getJson(`${url}/talk?lines=1`);
      return existsSync(log) && readFileSync(log, "utf8").includes('"talk"');
    });
    expect((await up.status()).overall).toBe("ok");
  });

  it("a log storm rotates and keeps its bounds", async () => {
    const up = place.up({ overrides: { "supervisor.logFileSize": "64KiB", "supervisor.logFiles": "2" } });
    const url = await up.ready();
    for (let i = 0; i < 20; i++) await getJson(`${url}/talk?lines=500`);
    const logs = join(place.stateDir, "logs");
    await until("rotated", () => existsSync(join(logs, "runtime.log.2")));
    expect(existsSync(join(logs, "runtime.log.3"))).toBe(false);
    // One batch of lines may exceed the limit, never two.
    const sizeOfNewest = (): number | undefined =>
      statSync(join(logs, "runtime.log.1"), { throwIfNoEntry: false })?.size;
    // Between two renames there is none.
    await until("not in the middle of a rotation", () => sizeOfNewest() !== undefined);
    expect(sizeOfNewest() ?? 0).toBeLessThan(512 * 1024);
    expect((await up.status()).overall).toBe("ok");
  });
});

describe("signals to the processes", () => {
  it("SIGSTOP of the runtime: noticed by its silence, replaced", async () => {
    const up = place.up();
    const url = await up.ready();
    const pid = await runtimePid(url);
    process.kill(pid, "SIGSTOP");
    const status = await readyAfter(up, 1);
    expect(status.processes[0]?.lastRestarts[0]?.kind).toBe("unresponsive");
    expect(living(pid)).toBe(false);
  });

  it("SIGSTOP and SIGCONT of the supervisor: the runtime keeps serving and does not count as hung afterwards", async () => {
    const up = place.up();
    const url = await up.ready();
    const pid = await runtimePid(url);
    up.process.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await runtimePid(url)).toBe(pid);
    up.process.kill("SIGCONT");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const status = await up.status();
    expect(status.processes[0]).toMatchObject({ state: "ready", pid, restarts: 0 });
  });

  it("SIGTERM to the runtime from outside: started again, reported as what it was", async () => {
    const up = place.up();
    const url = await up.ready();
    process.kill(await runtimePid(url), "SIGTERM");
    const status = await readyAfter(up, 1);
    expect(status.processes[0]?.lastRestarts[0]?.reason).toBe("exited unexpectedly with code 0");
  });

  it("SIGTERM and SIGINT at once: one drain, then now", async () => {
    const up = place.up();
    await up.ready();
    up.process.kill("SIGTERM");
    up.process.kill("SIGINT");
    const { code, signal } = await up.exited;
    expect(signal).toBeNull();
    expect([0, 1]).toContain(code);
    expect(existsSync(place.socket)).toBe(false);
  });

  it("twenty SIGKILLs of the runtime in a row: crash loop, status answers, clients get 503 with Retry-After", async () => {
    const up = place.up({
      overrides: {
        "supervisor.crashLimit": "20",
        "supervisor.restartDelayMax": "50ms",
        "supervisor.crashWindow": "10m",
      },
    });
    const url = await up.ready();
    for (let i = 0; i < 20; i++) {
      const status = await readyAfter(up, i);
      process.kill(status.processes[0]?.pid ?? 0, "SIGKILL");
    }
    const status = await until("crash loop", async () => {
      const found = await up.status();
      return found.processes[0]?.state === "crash_loop" ? found : undefined;
    });
    expect(status.processes[0]?.restarts).toBe(19);
    expect(status.issues[0]?.cure).toContain("gigastt restart");
    const response = await until("stand-in answers", () =>
      fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(2000) }),
    );
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("600");
    // In the form of each protocol: what Bazarr is answered becomes the subtitles.
    const asr = await fetch(`${url}/asr?output=srt`, { method: "POST" });
    expect([asr.status, asr.headers.get("x-error-code"), await asr.text()]).toEqual([503, "initializing", ""]);
    const openai = await fetch(`${url}/v1/audio/transcriptions`, { method: "POST" });
    expect(await openai.json()).toMatchObject({ error: { type: "server_error", code: "initializing", param: null } });
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
  }, 90_000);

  it("kill -9 of the runtime under load: ready again within two seconds plus its load time", async () => {
    const up = place.up();
    const url = await up.ready();
    const load = setInterval(() => void fetch(`${url}/pid`).catch(() => {}), 20);
    try {
      const before = await runtimePid(url);
      const killedAt = performance.now();
      process.kill(before, "SIGKILL");
      await readyAfter(up, 1);
      // The fixture's own start is part of it; a loaded machine gets the same again.
      expect(performance.now() - killedAt).toBeLessThan(4000);
    } finally {
      clearInterval(load);
    }
  });
});

describe("the supervisor's own surroundings", () => {
  it("control-socket clients that hang, flood or talk nonsense do not keep other clients from an answer", async () => {
    const up = place.up();
    await up.ready();
    const sockets: Socket[] = [];
    const open = (text: string): void => {
      const socket = createConnection(place.socket);
      socket.on("error", () => {});
      socket.write(text);
      sockets.push(socket);
    };
    for (let i = 0; i < 8; i++) open("");
    open("not json\n");
    open('{"id":"x"}\n');
    open(`{"id":1,"cmd":"${"x".repeat(200_000)}`);
    open('{"id":1,"cmd":"events"}\n'.repeat(50));
    expect((await up.status()).overall).toBe("ok");
    await expect(control("fly")).rejects.toThrow('unknown control command "fly"');
    for (const socket of sockets) socket.destroy();
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
  });

  it("hanging control clients do not hold the exit", async () => {
    const up = place.up();
    await up.ready();
    const socket = createConnection({ path: place.socket, allowHalfOpen: true });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
    socket.destroy();
  });

  it("log pipe full: a runtime that talks while the supervisor stands still is heard afterwards", async () => {
    const up = place.up();
    const url = await up.ready();
    up.process.kill("SIGSTOP");
    const talking = getJson(`${url}/talk?lines=3000`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    up.process.kill("SIGCONT");
    expect((await talking).status).toBe(200);
    const log = join(place.stateDir, "logs", "runtime.log");
    await until("all lines", () => readFileSync(log, "utf8").includes('"i":2999'));
    expect((await up.status()).processes[0]?.restarts).toBe(0);
  });

  it("clock jumps of an hour forth and back: no restart, no false issue, uptime sane", async () => {
    const clockFile = join(place.dir, "clock");
    const preload = fileURLToPath(new URL("../../fixtures/children/shift-clock.js", import.meta.url));
    const up = place.up({ env: { NODE_OPTIONS: `--import=${preload}`, FIXTURE_CLOCK_FILE: clockFile } });
    const url = await up.ready();
    const pid = await runtimePid(url);
    for (const shift of ["3600000", "-3600000", "0"]) {
      writeFileSync(clockFile, shift);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      const status = await up.status();
      expect(status.processes[0]).toMatchObject({ state: "ready", pid, restarts: 0 });
      expect(status.supervisor.uptimeS).toBeLessThan(120);
    }
    process.kill(pid, "SIGKILL");
    await readyAfter(up, 1);
  });

  it("a runtime above supervisor.memoryLimit is restarted gracefully, not killed", async () => {
    place.plan({ rssBytes: 900 * 2 ** 20 });
    const up = place.up({ overrides: { "supervisor.memoryLimit": "512MiB" } });
    const url = await up.ready();
    const pid = await runtimePid(url);
    await until("high", async () => (await up.status()).issues.some((issue) => issue.id === "memory_high"));
    place.plan({});
    await until("recycled", () => up.output().includes("memory limit"));
    await until("replaced", async () => (await runtimePid(url)) !== pid);
    await until("said so", () => up.output().includes("handed over"));
    expect((await up.status()).processes[0]?.restarts).toBe(0);
  });

  it("a runtime that answers no probes is checked by /health alone", async () => {
    place.plan({ muteProbe: true });
    const up = place.up();
    await up.ready();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await up.status()).processes[0]).toMatchObject({ state: "ready", restarts: 0 });
  });

  it("a runtime whose /health answers 500 is replaced", async () => {
    const up = place.up();
    const url = await up.ready();
    const pid = await runtimePid(url);
    place.plan({ healthStatus: 500 });
    await until("noticed", () => up.output().includes("hung"));
    place.plan({});
    await readyAfter(up, 1);
    expect(living(pid)).toBe(false);
  });

  it("webhook and command get events; a webhook that hangs or refuses costs nothing but one warning", async () => {
    const bodies: string[] = [];
    const server = createHttpServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        bodies.push(text);
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo; // a TCP server
    const notes = join(place.dir, "events.txt");
    const up = place.up({
      overrides: {
        "supervisor.webhook": `http://127.0.0.1:${port}/hook`,
        "supervisor.eventCommand": `["/bin/sh","-c","cat >> ${notes}; echo >> ${notes}"]`,
      },
    });
    const url = await up.ready();
    process.kill(await runtimePid(url), "SIGKILL");
    await readyAfter(up, 1);
    const names = await until("events", () => {
      const found = bodies.map((body) => String((JSON.parse(body) as { event: unknown }).event)); // our own JSON
      return found.includes("restarted") ? found : undefined;
    });
    expect(names).toEqual(expect.arrayContaining(["ready", "died", "restarted"]));
    await until("command", () => readFileSync(notes, "utf8").includes('"event":"died"'));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    process.kill(await runtimePid(url), "SIGKILL");
    await readyAfter(up, 2);
    await until("warning", () => up.output().includes("hook failed"));
    expect((await up.status()).overall).toBe("ok");
  });

  it("history survives a restart of the supervisor and torn files", async () => {
    const first = place.up({ sampleIntervalMs: 200 });
    await first.ready();
    await until("sample", async () => {
      const { samples } = (await control("history")) as { samples: unknown[] }; // as documented
      return samples.length > 1;
    });
    first.process.kill("SIGTERM");
    await first.exited;
    const hour = new Date().toISOString().slice(0, 13);
    writeFileSync(join(place.stateDir, "history", "events", "2020-01-01T00"), '[{"at":');
    const second = place.up();
    await second.ready();
    const { events } = (await control("history")) as { events: { event: string; at: string }[] }; // as documented
    expect(events.map((event) => event.event)).toEqual(expect.arrayContaining(["ready", "stopping", "stopped"]));
    expect(events.some((event) => event.at.startsWith(hour))).toBe(true);
  });
});
