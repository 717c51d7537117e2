import type { SupervisorReport } from "../../src/shared/process/messages.ts";

/** A supervisor with nothing to report, and some changes to that. */
export function supervisorReport(changes: Partial<SupervisorReport> = {}): SupervisorReport {
  return {
    overall: "ok",
    config: "",
    restarts: 0,
    issues: [],
    processes: [{ name: "runtime", restarts: 0, state: "ready", since: "2026-11-28T10:00:00.000Z", pid: 7 }],
    rssBytes: 60_000_000,
    operation: null,
    lastOperation: null,
    certificates: [],
    disks: [],
    cutDrains: 0,
    pull: null,
    ...changes,
  };
}
