import { notChecked, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";
import { hostPort, isOpen } from "../../machine/port.ts";
import { INNER_PORTS } from "../kit.ts";

export const check: HostCheck = {
  id: "GA-HST-002",
  severity: "error",
  confidence: "certain",
  title: "An internal service listens on the network",
  why: "Caddy's admin API, Redis and the Docker API ask for no password by default. Access to one of them is control over the proxy, the stored state, or the whole machine.",
  evidence: [`Read: listening sockets on ${Object.keys(INNER_PORTS).join(", ")} with an address that is not loopback.`],
  reads: ["/proc/net/tcp", "/proc/net/tcp6"],
  fixKind: "manual",
  sameAs: ["GA-EXP-015"],
  run: ({ listeners }) => {
    if ("unknown" in listeners) return notChecked(listeners.unknown);
    const problems = listeners.value
      .filter(({ address, port }) => INNER_PORTS[port] !== undefined && isOpen(address))
      .map(({ address, port, process }) => ({
        place: "/proc/net/tcp",
        evidence: `${hostPort(address, port)} held by ${process ?? "a process of another user"}`,
        message: `${INNER_PORTS[port]} listens on ${hostPort(address, port)}`,
        fix: "Bind it to 127.0.0.1 or, better, to a Unix socket.",
      }));
    return verdictOf(problems, "none of them is open");
  },
};
