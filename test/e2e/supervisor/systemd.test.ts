import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlace } from "./harness.ts";
import type { Place } from "./harness.ts";

let place: Place;
beforeEach(() => {
  place = createPlace();
});
afterEach(() => place.cleanUp());

describe("notify and watchdog", () => {
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

  it("an inherited descriptor that is not a TCP socket is refused with the cure", async () => {
    const up = place.up({ wrapper: ["/bin/sh", "-c", 'exec 3</dev/null; exec "$@"', "sh"], env: { LISTEN_FDS: "1" } });
    expect((await up.exited).code).toBe(1);
    expect(up.errors()).toContain("GST_LISTEN_FDS");
  });
});
