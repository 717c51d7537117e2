import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";
import { hostPort, isOpen } from "../../machine/port.ts";
import { INNER_PORTS } from "../kit.ts";

export const check: HostCheck = {
  id: "GA-HST-003",
  severity: "error",
  confidence: "certain",
  title: "A published container port bypasses the firewall",
  why: "Docker writes its own rules before those of ufw and firewalld: a port published on 0.0.0.0 is open to the network however closed the firewall looks. If it is the server's own port, clients bypass the password and TLS, and can claim any address.",
  evidence: [
    "Read: `docker inspect` of the running containers; without access to the engine the DOCKER chain of the NAT table, else the docker-proxy processes.",
  ],
  reads: ["docker inspect", "iptables -t nat -S DOCKER", "/proc/net/tcp"],
  fixKind: "manual",
  sameAs: ["GA-EXP-001", "GA-EXP-002"],
  run: ({ published, listeners, plan }) => {
    const problems: Problem[] = [];
    // Other protocols than HTTP may be meant for the network.
    const closed = new Set([plan.port, ...plan.listeners.filter(({ host }) => !isOpen(host)).map(({ port }) => port)]);
    const fix = `Publish it on 127.0.0.1 ("127.0.0.1:${plan.port}:${plan.port}"), or not at all and let the proxy reach it over the containers' network.`;
    if ("value" in published)
      for (const item of published.value) {
        const inner = INNER_PORTS[item.containerPort];
        if (!isOpen(item.address) || (!closed.has(item.containerPort) && inner === undefined)) continue;
        problems.push({
          place: "/var/run/docker.sock",
          evidence: `${item.container} (${item.image || "image unknown"}) ${hostPort(item.address, item.port)} → ${item.containerPort}`,
          message: `${item.container} publishes ${inner ?? "the server"} on ${hostPort(item.address, item.port)}: the firewall does not see it`,
          fix,
        });
      }
    // The engine's helper process shows a published port where the engine itself may not be asked.
    else if ("value" in listeners)
      for (const { address, port, process } of listeners.value)
        if (closed.has(port) && isOpen(address) && process?.startsWith("docker-proxy") === true)
          problems.push({
            place: "/proc/net/tcp",
            evidence: `${hostPort(address, port)} held by ${process}`,
            message: `Docker publishes the server on ${hostPort(address, port)}: the firewall does not see it`,
            fix,
          });
    if (problems.length === 0 && "unknown" in published) return notChecked(published.unknown);
    const count = "value" in published ? published.value.length : 0;
    return verdictOf(
      problems,
      count === 0 ? "no container publishes a port" : `${count} published ports, none of them past the proxy`,
    );
  },
};
