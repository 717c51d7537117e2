import { notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

/** Handlers that look at the process's own limit; the kernel does not when it pipes. */
const OBEYS_LIMIT = /systemd-coredump|apport/;

export const check: HostCheck = {
  id: "GA-HST-007",
  severity: "warning",
  confidence: "certain",
  title: "A crash would write audio and transcripts to the disk",
  why: "A core dump is the whole memory of the process: sound of every open session, transcripts, credentials of the proxy's requests. It is kept for days, copied into bug reports, and readable by anyone who may read the dumps.",
  evidence: [
    "Read: the core limit of the running processes, kernel.core_pattern, and Storage= of systemd-coredump. core(5): with a pipe the kernel does not enforce the limit, the handler must.",
  ],
  reads: ["/proc/PID/limits", "/proc/sys/kernel/core_pattern", "/etc/systemd/coredump.conf"],
  fixKind: "manual",
  sameAs: [],
  run: ({ cores, processes }) => {
    if ("unknown" in cores) return notChecked(cores.unknown);
    const { pattern, storage } = cores.value;
    if (pattern === "") return ok("kernel.core_pattern is empty: no dumps");
    if (storage === "none") return ok("systemd-coredump keeps none (Storage=none)");
    if ("unknown" in processes) return notChecked(processes.unknown);
    if (processes.value.length === 0)
      return notChecked(`the server does not run, so it has no limit to read (core_pattern: ${pattern})`);
    const unread = processes.value.filter(({ coreLimitBytes }) => coreLimitBytes === undefined);
    if (unread.length > 0) return notChecked(`the limits of ${unread.map(({ pid }) => pid).join(", ")} cannot be read`);
    const ignored = pattern.startsWith("|") && !OBEYS_LIMIT.test(pattern);
    const dumping = processes.value.filter(({ coreLimitBytes }) => ignored || coreLimitBytes !== 0);
    return verdictOf(
      dumping.map(({ pid, name, coreLimitBytes }) => ({
        place: `/proc/${pid}/limits`,
        evidence: `Max core file size ${coreLimitBytes} (${name}, pid ${pid}); core_pattern ${pattern}`,
        message: ignored
          ? `a crash of ${name} (pid ${pid}) is handed to ${pattern.slice(1).split(" ")[0]}, whatever its limit`
          : `a crash of ${name} (pid ${pid}) is written by way of core_pattern "${pattern}"`,
        fix: "Set LimitCORE=0 in the unit (ulimits: core: 0 in Compose), or Storage=none in coredump.conf.",
      })),
      `limit 0 for ${processes.value.length} processes`,
    );
  },
};
