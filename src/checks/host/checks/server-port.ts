import { notChecked, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";
import { hostPort, portProblems } from "../../machine/port.ts";

export const check: HostCheck = {
  id: "GA-HST-001",
  severity: "error",
  confidence: "certain",
  title: "The server's port listens wider than configured, or another program uses it",
  why: "The configuration says where the server listens; the socket says where it does. A forgotten --host, an old process or another program on the port make the service reachable without its proxy, or not at all.",
  evidence: [
    "Read: the listening sockets of /proc/net/tcp and tcp6 on the ports of all listeners, and which process holds them.",
  ],
  reads: ["/proc/net/tcp", "/proc/net/tcp6", "/proc/PID/fd"],
  fixKind: "manual",
  sameAs: ["GA-EXP-004", "GA-XFF-008"],
  run: ({ listeners, plan }) => {
    if ("unknown" in listeners) return notChecked(listeners.unknown);
    const ports = plan.listeners.map(({ port }) => port);
    const own = listeners.value.filter(({ port }) => ports.includes(port));
    if (own.length === 0)
      return notChecked(
        `nothing listens on port ${ports.join(", ")}: the server does not run here, or only inside a container`,
      );
    return verdictOf(
      plan.listeners.flatMap((one) => portProblems(listeners.value, one)),
      `${own.map(({ address, port, process }) => `${hostPort(address, port)} ${process ?? "(owner not readable)"}`).join(", ")}`,
    );
  },
};
