import { isLoopbackAddress } from "../../../shared/proc-net.ts";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";
import { hostPort, isOpen } from "../kit.ts";

export const check: HostCheck = {
  id: "GA-HST-001",
  severity: "error",
  confidence: "certain",
  title: "The server's port listens wider than configured, or belongs to somebody else",
  why: "The configuration says where the server listens; the socket says where it does. A forgotten --host, an old process or another program on the port make the service reachable without its proxy, or not at all.",
  evidence: ["Read: the listening sockets of /proc/net/tcp and tcp6 on server.port, and which process holds them."],
  reads: ["/proc/net/tcp", "/proc/net/tcp6", "/proc/PID/fd"],
  fixKind: "manual",
  sameAs: ["GA-EXP-004", "GA-XFF-008"],
  judge: ({ listeners, plan }) => {
    if ("unknown" in listeners) return notChecked(listeners.unknown);
    const own = listeners.value.filter(({ port }) => port === plan.port);
    if (own.length === 0)
      return notChecked(
        `nothing listens on port ${plan.port}: the server does not run here, or only inside a container`,
      );
    const problems: Problem[] = [];
    for (const { address, process } of own) {
      const row = `${hostPort(address, plan.port)} held by ${process ?? "a process of another user"}`;
      // The container engine's own proxy: GA-HST-003 speaks about it.
      if (process?.startsWith("docker-proxy") === true) continue;
      if (process !== undefined && !/^(?:node|gigastt|MainThread)\b/.test(process))
        problems.push({
          place: "/proc/net/tcp",
          evidence: row,
          severity: "warning",
          message: `port ${plan.port} is held by ${process}, not by the server`,
          fix: "Stop that program, or set another server.port.",
        });
      else if (isLoopbackAddress(plan.host) && isOpen(address))
        problems.push({
          place: "/proc/net/tcp",
          evidence: row,
          message: `the server listens on ${hostPort(address, plan.port)}, though server.host is ${plan.host}`,
          fix: "Restart it with this configuration: `gigastt restart`; look for --host and --allow-bind-any where it is started.",
        });
    }
    return verdictOf(
      problems,
      `${own.map(({ address, process }) => `${hostPort(address, plan.port)} ${process ?? "(owner not readable)"}`).join(", ")}`,
    );
  },
};
