import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlace } from "./harness.ts";
import type { Place } from "./harness.ts";

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

describe("notify and watchdog", () => {
  it("ends within the TimeoutStopSec of the rendered unit, also when the runtime ignores SIGTERM and an event command hangs", async () => {
    const unit = readFileSync(
      new URL("../../../deploy/examples/caddy/systemd/gigastt.service", import.meta.url),
      "utf8",
    );
    const stopS = Number(/^TimeoutStopSec=(\d+)/m.exec(unit)?.[1]);
    expect(stopS).toBeGreaterThan(10);
    place.plan({ ignoreStop: true });
    // The example's own drain.
    const up = place.up({
      overrides: { "shutdown.drain": "10s", "supervisor.eventCommand": '["/bin/sh","-c","sleep 600"]' },
    });
    await up.ready();
    const stoppedAt = performance.now();
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(1);
    expect(performance.now() - stoppedAt).toBeLessThan(stopS * 1000);
  }, 60_000);

  it("a watchdog meant for another process is not fed", async () => {
    const up = place.up({ env: { NOTIFY_SOCKET: "/nonexistent", WATCHDOG_USEC: "200000", WATCHDOG_PID: "1" } });
    await up.ready();
    expect((await up.status()).overall).toBe("ok");
  });
});

describe("socket activation", () => {
  it("variables meant for another process are ignored", async () => {
    const up = place.up({ env: { LISTEN_FDS: "1", LISTEN_PID: "1" } });
    await up.ready();
    expect((await up.status()).service.activated).toBe(false);
  });

  it("an inherited descriptor that is no TCP socket is refused with the cure", async () => {
    const up = place.up({ wrapper: ["/bin/sh", "-c", 'exec 3</dev/null; exec "$@"', "sh"], env: { LISTEN_FDS: "1" } });
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toContain("GST_LISTEN_FDS");
  });
});
