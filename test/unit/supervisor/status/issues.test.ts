import { describe, expect, it } from "vitest";
import { parseFlags } from "../../../../src/cli/args.ts";
import { registry } from "../../../../src/cli/registry.ts";
import { findIssues } from "../../../../src/supervisor/status/issues.ts";
import type { IssueFacts } from "../../../../src/supervisor/status/issues.ts";
import type { ProcessSnapshot } from "../../../../src/supervisor/process/process-state.ts";

const nowMs = Date.parse("2026-03-01T12:00:00Z");

function processWith(part: Partial<ProcessSnapshot>): ProcessSnapshot {
  return {
    name: "runtime",
    state: "ready",
    since: "2026-03-01T11:00:00Z",
    pid: 1,
    starts: 1,
    restarts: 0,
    lastRestarts: [],
    nextStartInMs: undefined,
    draining: [],
    lastProbe: undefined,
    ...part,
  };
}

/** Everything is wrong that this function can tell. */
function factsWith(config: "config_invalid" | "config_changed" | "restart_pending"): IssueFacts {
  const at = new Date(nowMs).toISOString();
  return {
    processes: [
      processWith({ state: "crash_loop", nextStartInMs: 30_000 }),
      processWith({ name: "proxy", state: "crash_loop", nextStartInMs: 30_000 }),
      processWith({ name: "redis", state: "waiting", nextStartInMs: 300 }),
      processWith({ state: "unresponsive" }),
      processWith({
        lastRestarts: [
          { at, reason: "killed for memory", kind: "out_of_memory" },
          { at, reason: "SIGABRT", kind: "abort" },
        ],
      }),
    ],
    logTrouble: { code: "ENOSPC", lostLines: 3 },
    historyTrouble: { place: "redis", reason: "ECONNREFUSED", kept: true },
    modelNotice: "The demo model is in use.",
    configTrouble: { id: config, text: "the file changed" },
    upkeep: [],
    companionTroubles: [],
    apiKeys: 0,
    jobs: { queued: 1, active: 1, waitingAudioS: 60, oldestS: 5, stuck: 1, dead: 2, strangers: 1 },
    memory: { rssBytes: 95, limitBytes: 100 },
    logsDir: "/var/lib/gigastt/logs",
    nowMs,
  };
}

const cures = (["config_invalid", "config_changed", "restart_pending"] as const).flatMap((config) =>
  findIssues(factsWith(config)).map(({ id, cure }) => [id, cure] as const),
);

describe("cures of issues", () => {
  it.each([...new Map(cures.map(([id, cure]) => [cure, id])).entries()])("can be typed: %s", async (cure) => {
    for (const line of cure.split(" && ")) {
      const [program, name = "", ...rest] = line.split(" ");
      if (program !== "gigastt") {
        expect(program).toBe("df");
        continue;
      }
      expect(Object.keys(registry)).toContain(name);
      const command = await registry[name]!.load(); // just checked
      const inner = command.subcommands?.[rest[0] ?? ""];
      const { positionals } = parseFlags(
        [name, ...rest],
        inner === undefined ? [name] : [name, rest[0]!],
        inner ?? command,
      );
      expect(positionals.length === 0 || (inner ?? command).positionals !== undefined, line).toBe(true);
    }
  });
});
