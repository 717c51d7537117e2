import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlace, living, runtimePid, until } from "./harness.ts";
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

describe("ends that take their full time", () => {
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

  it("an event command that hangs: killed with everything it started, one warning, the service goes on", async () => {
    const notes = join(place.dir, "pids");
    const script = join(place.dir, "hang.sh");
    writeFileSync(script, `#!/bin/sh\nsleep 600 & echo $! >> ${notes}\necho $$ >> ${notes}\nwait\n`);
    chmodSync(script, 0o755);
    const up = place.up({ overrides: { "supervisor.eventCommand": JSON.stringify([script]) } });
    const url = await up.ready();
    const pids = await until("both run", () => {
      const found = existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n").map(Number) : [];
      return found.length >= 2 ? found : undefined;
    });
    process.kill(await runtimePid(url), "SIGKILL");
    await restarted(up, 1);
    await until("warned", () => up.output().includes("hang.sh did not end within 10 s"), 30_000);
    await until("gone", () => pids.every((pid) => !living(pid)));
    // The next event hangs already, others wait: their ten seconds each are not waited for.
    const stoppedAt = performance.now();
    up.process.kill("SIGTERM");
    expect((await up.exited).code).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(9000);
    const all = readFileSync(notes, "utf8").trim().split("\n").map(Number);
    await until("nothing left", () => all.every((pid) => !living(pid)));
  }, 60_000);
});
