import { describe, expect, it } from "vitest";
import { createRestartPolicy } from "../../../../src/supervisor/process/restart-policy.ts";
import { explainExit } from "../../../../src/supervisor/process/exit-reason.ts";
import type { ExitContext } from "../../../../src/supervisor/process/exit-reason.ts";

const limits = { delayMinMs: 500, delayMaxMs: 4000, limit: 6, windowMs: 60_000 };

function policyAt(random: () => number): { policy: ReturnType<typeof createRestartPolicy>; advance(ms: number): void } {
  let nowMs = 1000;
  const policy = createRestartPolicy(() => limits, { nowMs: () => 0, monotonicMs: () => nowMs }, random);
  return { policy, advance: (ms) => (nowMs += ms) };
}

describe("restart policy", () => {
  it("doubles the delay up to the maximum and ends in the crash loop", () => {
    const { policy } = policyAt(() => 0);
    const decisions = Array.from({ length: 7 }, () => policy.failed());
    expect(decisions.map(({ delayMs }) => delayMs)).toEqual([500, 1000, 2000, 4000, 4000, 60_000, 60_000]);
    expect(decisions.map(({ restart }) => restart)).toEqual([true, true, true, true, true, false, false]);
  });

  it("shortens a delay by at most a quarter at random", () => {
    expect(policyAt(() => 0.999).policy.failed().delayMs).toBe(375);
  });

  it("forgets failures older than the window: a crash a day always restarts at once", () => {
    const { policy, advance } = policyAt(() => 0);
    for (let day = 0; day < 10; day++) {
      expect(policy.failed()).toMatchObject({ restart: true, delayMs: 500, recent: 1 });
      advance(86_400_000);
    }
  });

  it("starts afresh when a person asks for it", () => {
    const { policy } = policyAt(() => 0);
    for (let i = 0; i < 6; i++) policy.failed();
    policy.reset();
    expect(policy.failed()).toMatchObject({ restart: true, delayMs: 500 });
  });
});

const context: ExitContext = { sent: [], stopping: false, oomKills: 0, fatal: undefined };

describe("exit reasons", () => {
  it.each([
    [
      { code: 134, signal: undefined },
      {},
      "abort",
      "native abort (exit code 134 = SIGABRT): a crash in native code, not a stop",
    ],
    [
      { code: 139, signal: undefined },
      {},
      "abort",
      "native abort (exit code 139 = SIGSEGV): a crash in native code, not a stop",
    ],
    [
      { code: undefined, signal: "SIGSEGV" },
      { stopping: true },
      "abort",
      "native abort (SIGSEGV): a crash in native code, not a stop",
    ],
    [{ code: undefined, signal: "SIGKILL" }, { oomKills: 1 }, "out_of_memory", "killed by the kernel: out of memory"],
    [{ code: 137, signal: undefined }, { oomKills: 2 }, "out_of_memory", "killed by the kernel: out of memory"],
    [{ code: undefined, signal: "SIGKILL" }, {}, "killed", "killed by SIGKILL from outside gigastt, not for memory"],
    [
      { code: undefined, signal: "SIGKILL" },
      { sent: ["SIGKILL"], oomKills: 1 },
      "cut",
      "killed by gigastt: it did not stop within its deadline",
    ],
    [{ code: undefined, signal: "SIGTERM" }, { sent: ["SIGTERM"] }, "stopped", "stopped by gigastt (SIGTERM)"],
    [{ code: undefined, signal: "SIGHUP" }, {}, "killed", "stopped by SIGHUP from outside gigastt"],
    [{ code: 0, signal: undefined }, { stopping: true }, "clean", "stopped cleanly"],
    [{ code: 0, signal: undefined }, {}, "failed", "exited unexpectedly with code 0"],
    [{ code: 1, signal: undefined }, { stopping: true }, "cut", "stopped, but work was cut off at the deadline"],
    [{ code: 1, signal: undefined }, { fatal: { code: "X", message: "no model" } }, "fatal", "gave up: no model"],
    [{ code: 2, signal: undefined }, { fatal: { code: "X", message: "bad host" } }, "config", "gave up: bad host"],
    [{ code: 2, signal: undefined }, {}, "config", "refused its configuration (exit code 2)"],
    [{ code: 7, signal: undefined }, {}, "failed", "exit code 7"],
  ] as const)("%j with %j is %s", (exit, facts, kind, text) => {
    expect(explainExit(exit, { ...context, ...facts })).toEqual({ kind, text });
  });

  it("admits when nothing counts memory kills", () => {
    expect(explainExit({ code: undefined, signal: "SIGKILL" }, { ...context, oomKills: undefined }).text).toContain(
      "does not count",
    );
  });
});
