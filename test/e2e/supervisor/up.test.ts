import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { childNotes, createPlace, getJson, living, runtimePid, until } from "./harness.ts";
import type { Place } from "./harness.ts";

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

describe("start gate", () => {
  it("serves only once the runtime is ready, with private state", async () => {
    place.plan({ loadMs: 300 });
    const up = place.up();
    const url = await up.ready();
    expect((await getJson(`${url}/ready`)).status).toBe(200);
    const status = await up.status();
    expect(status.overall).toBe("ok");
    expect(status.model?.id).toBe("fixture");
    expect(status.processes[0]).toMatchObject({ name: "runtime", state: "ready", starts: 1, restarts: 0 });
    expect(statSync(place.stateDir).mode & 0o777).toBe(0o700);
    expect(statSync(place.socket).mode & 0o777).toBe(0o600);
  });

  it("shows the runtime's last output and the probe's answer when it dies before it is ready", async () => {
    place.plan({ exitEarly: 7, stderr: "libfoo.so.1: cannot open shared object file" });
    const up = place.up();
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toContain("the runtime ended before it was ready: exit code 7");
    expect(up.errors()).toContain("probe: the runtime does not listen yet");
    expect(up.errors()).toContain("libfoo.so.1: cannot open shared object file");
    expect(up.errors()).toContain("starting pid=");
  });

  it("gives up at the deadline with the last answer of /ready", async () => {
    place.plan({ neverReady: true });
    const up = place.up({ overrides: { "supervisor.startTimeout": "1s" } });
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toMatch(/not ready within 2(\.\d)? s; last answer: GET \/ready → 503 .*initializing/);
    expect(childNotes(place.stateDir)).toEqual([]);
  });

  it("ends with 2 and the reason when the runtime refuses its configuration", async () => {
    place.plan({ fatal: "model dir /nowhere does not exist: run gigastt models pull", fatalCode: 2 });
    const up = place.up();
    expect((await up.exited).code).toBe(2);
    expect(up.errors()).toContain("gave up: model dir /nowhere does not exist: run gigastt models pull");
  });

  it("names the port another program has", async () => {
    const first = place.up();
    const url = await first.ready();
    const other = createPlace();
    try {
      const second = other.up({ overrides: { "server.port": new URL(url).port } });
      expect((await second.exited).code).toBe(1);
      expect(second.errors()).toContain(
        `GST_PORT_TAKEN port ${new URL(url).port} on 127.0.0.1 is in use by another program`,
      );
    } finally {
      other.cleanUp();
    }
  });
});

describe("one supervisor per state directory", () => {
  it("refuses a second up and says who is there", async () => {
    const first = place.up();
    await first.ready();
    const second = place.up();
    expect((await second.exited).code).toBe(1);
    expect(second.errors()).toMatch(
      /GST_ALREADY_RUNNING gigastt is already running in .* \(pid \d+, since .*\): see "gigastt status"/,
    );
    expect((await first.status()).overall).toBe("ok");
  });

  it("takes over from a pid file whose process is gone or was reused", async () => {
    const first = place.up();
    await first.ready();
    const claim = join(place.stateDir, "supervisor.json");
    const content = readFileSync(claim, "utf8");
    first.process.kill("SIGTERM");
    await first.exited;
    // The pid of a living stranger (this test), with another birth.
    writeFileSync(claim, content.replace(/"pid": \d+/, `"pid": ${process.pid}`));
    const second = place.up();
    await second.ready();
    expect((await second.status()).supervisor.pid).toBe(second.process.pid);
  });

  it("takes over from a torn pid file", async () => {
    const first = place.up();
    await first.ready();
    first.process.kill("SIGTERM");
    await first.exited;
    writeFileSync(join(place.stateDir, "supervisor.json"), '{"pid": 12');
    await place.up().ready();
  });
});

describe("restarts", () => {
  it("starts the runtime again after a crash, and connections made in between wait instead of failing", async () => {
    const up = place.up();
    const url = await up.ready();
    const before = await runtimePid(url);
    process.kill(before, "SIGKILL");
    const after = await runtimePid(url);
    expect(after).not.toBe(before);
    const status = await until("ready again", async () => {
      const found = await up.status();
      return found.processes[0]?.state === "ready" ? found : undefined;
    });
    expect(status.processes[0]?.restarts).toBe(1);
    expect(status.processes[0]?.lastRestarts[0]?.reason).toContain("SIGKILL from outside");
  });

  it("calls a native abort by its name", async () => {
    const up = place.up();
    const url = await up.ready();
    await expect(getJson(`${url}/abort`)).rejects.toThrow();
    const status = await until("restarted", async () => {
      const found = await up.status();
      return found.processes[0]?.restarts === 1 && found.processes[0].state === "ready" ? found : undefined;
    });
    expect(status.processes[0]?.lastRestarts[0]).toMatchObject({
      kind: "abort",
      reason: "native abort (SIGABRT): a crash in native code, not a stop",
    });
    expect(status.issues.map((issue) => issue.id)).toContain("native_abort");
  });

  it("ends in a crash loop that still answers status, and restart gets it out", async () => {
    const up = place.up({ overrides: { "supervisor.crashLimit": "3", "supervisor.crashWindow": "1m" } });
    const url = await up.ready();
    place.plan({ exitAfterMs: 20, exitCode: 9 });
    await fetch(`${url}/exit?code=9`).catch(() => {});
    const status = await until("crash loop", async () => {
      const found = await up.status();
      return found.processes[0]?.state === "crash_loop" ? found : undefined;
    });
    expect(status.overall).toBe("down");
    expect(status.issues[0]).toMatchObject({ id: "crash_loop", severity: "error" });
    expect(status.issues[0]?.text).toContain("exit code 9");
    place.plan({});
    await callControl({ socket: place.socket, cmd: "restart", timeoutMs: 10_000 });
    expect((await up.status()).overall).toBe("ok");
  });

  it("replaces a runtime that lives but no longer answers", async () => {
    const up = place.up();
    const url = await up.ready();
    const before = await runtimePid(url);
    void fetch(`${url}/hang`).catch(() => {});
    const status = await until("replaced", async () => {
      const found = await up.status();
      return found.processes[0]?.restarts === 1 && found.processes[0].state === "ready" ? found : undefined;
    });
    expect(status.processes[0]?.lastRestarts[0]?.kind).toBe("unresponsive");
    expect(living(before)).toBe(false);
  });
});

describe("stop", () => {
  it("drains on SIGTERM: the running request ends, exit 0, nothing left", async () => {
    const up = place.up();
    const url = await up.ready();
    const pid = await runtimePid(url);
    const slow = getJson(`${url}/slow?ms=700`);
    await until("request arrives", async () => (await up.status()).runtime?.sessionsActive);
    up.process.kill("SIGTERM");
    expect((await slow).body["pid"]).toBe(pid);
    expect((await up.exited).code).toBe(0);
    expect(living(pid)).toBe(false);
    expect(() => statSync(join(place.stateDir, "supervisor.json"))).toThrow();
    expect(() => statSync(place.socket)).toThrow();
  });

  it("stops at once on the second Ctrl-C and does not call that clean", async () => {
    const up = place.up({ overrides: { "shutdown.drain": "30s" } });
    const url = await up.ready();
    const slow = fetch(`${url}/slow?ms=20000`).catch(() => "cut");
    await until("request arrives", async () => (await up.status()).runtime?.sessionsActive);
    const started = performance.now();
    up.process.kill("SIGINT");
    await until("draining", () => up.output().includes("Press Ctrl-C again to stop now"));
    up.process.kill("SIGINT");
    expect((await up.exited).code).toBe(1);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(await slow).toBe("cut");
  });

  it("kills a runtime that ignores SIGTERM after the drain window", async () => {
    place.plan({ ignoreStop: true });
    const up = place.up({ overrides: { "shutdown.drain": "1s" } });
    const pid = await runtimePid(await up.ready());
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(1);
    expect(up.output()).toContain("killed by gigastt: it did not stop within its deadline");
    expect(living(pid)).toBe(false);
  });

  it("stops cleanly while the runtime is still starting", async () => {
    place.plan({ neverReady: true });
    const up = place.up({ overrides: { "supervisor.startTimeout": "1m" } });
    await until("started", () => childNotes(place.stateDir)[0]);
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
  });

  it("down through the control socket answers after the drain", async () => {
    const up = place.up();
    await up.ready();
    expect(await callControl({ socket: place.socket, cmd: "down", timeoutMs: 10_000 })).toEqual({
      clean: true,
      end: "stopped cleanly",
    });
    expect((await up.exited).code).toBe(0);
  });
});

describe("SIGKILL of the supervisor", () => {
  it("leaves no process, and the next up works", async () => {
    const up = place.up();
    const pid = await runtimePid(await up.ready());
    up.process.kill("SIGKILL");
    await up.exited;
    const next = place.up();
    const url = await next.ready();
    expect(living(pid)).toBe(false);
    expect(await runtimePid(url)).not.toBe(pid);
  });

  it("ends an orphan that does not notice, too", async () => {
    place.plan({ ignoreDisconnect: true, ignoreStop: true });
    const up = place.up({ overrides: { "shutdown.drain": "1s" } });
    const pid = await runtimePid(await up.ready());
    up.process.kill("SIGKILL");
    await up.exited;
    expect(living(pid)).toBe(true);
    place.plan({});
    const next = place.up({ overrides: { "shutdown.drain": "1s" } });
    await next.ready();
    expect(living(pid)).toBe(false);
    expect(next.output()).toContain("orphan ended");
  });
});

describe("restart on request", () => {
  it("hands over: the new runtime answers before the old one has drained, and no request fails", async () => {
    const up = place.up();
    const url = await up.ready();
    const old = await runtimePid(url);
    const slow = getJson(`${url}/slow?ms=900`);
    await until("request arrives", async () => (await up.status()).runtime?.sessionsActive);
    const stop = new AbortController();
    let failed = 0;
    let answered = 0;
    const load = (async () => {
      while (!stop.signal.aborted) {
        await runtimePid(url).then(
          () => (answered += 1),
          () => (failed += 1),
        );
      }
    })();
    const events: unknown[] = [];
    const result = await callControl({
      socket: place.socket,
      cmd: "restart",
      timeoutMs: 15_000,
      onEvent: (event) => events.push(event),
    });
    stop.abort();
    await load;
    expect(result).toMatchObject({ mode: "handover" });
    expect((await slow).body["pid"]).toBe(old);
    expect(failed).toBe(0);
    expect(answered).toBeGreaterThan(10);
    expect(await runtimePid(url)).not.toBe(old);
    expect(living(old)).toBe(false);
    expect(events).toContainEqual({ progress: "the new runtime serves; the old one drains" });
  });

  it("upgrade takes a new model over beside the old one, and keeps the old one when the new is not healthy", async () => {
    place.plan({ model: { id: "first", name: "First", precision: "int8", bundleHash: "1" } });
    const up = place.up();
    const url = await up.ready();
    const old = await runtimePid(url);
    expect((await up.status()).model?.id).toBe("first");
    const upgrade = (): Promise<unknown> => callControl({ socket: place.socket, cmd: "upgrade", timeoutMs: 15_000 });

    place.plan({ exitEarly: 3, model: { id: "broken", name: "Broken", precision: "int8", bundleHash: "2" } });
    await expect(upgrade()).rejects.toThrow("The old runtime keeps serving.");
    expect(await runtimePid(url)).toBe(old);
    expect((await up.status()).model?.id).toBe("first");

    place.plan({ model: { id: "second", name: "Second", precision: "int8", bundleHash: "3" } });
    expect(await upgrade()).toMatchObject({ mode: "handover", version: "0.0.0-test" });
    expect((await up.status()).model?.id).toBe("second");
    expect(await runtimePid(url)).not.toBe(old);
  });

  it("keeps the old runtime when the new one does not become ready", async () => {
    const up = place.up();
    const url = await up.ready();
    const old = await runtimePid(url);
    place.plan({ exitEarly: 3 });
    await expect(callControl({ socket: place.socket, cmd: "restart", timeoutMs: 15_000 })).rejects.toThrow(
      "the runtime ended before it was ready: exit code 3. The old runtime keeps serving.",
    );
    expect(await runtimePid(url)).toBe(old);
    expect((await up.status()).overall).toBe("ok");
  });
});
