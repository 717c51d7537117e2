import type { Rule } from "../../types.ts";
import { isLoopbackHost } from "../../model/address.ts";
import { appServices } from "../../model/facts.ts";
import { isBelow } from "../../model/versions.ts";

export const rule: Rule = {
  id: "GA-EXP-002",
  severity: "warning",
  confidence: "likely",
  title: "ufw, or the loopback address, does not hide a container port",
  why: "Docker writes its own rules ahead of ufw's: a published port stays reachable although `ufw status` says denied. Before Docker 28 even a port published on 127.0.0.1 can be reached by neighbours on the same network segment.",
  evidence: ["chaifeng/ufw-docker", "moby/moby#45610"],
  reads: ["shell", "compose"],
  fixKind: "manual",
  *check(facts) {
    const published = facts.services.flatMap((service) =>
      service.ports.filter((port) => port.hostIp === undefined || !isLoopbackHost(port.hostIp)),
    );
    for (const source of facts.scripts) {
      const docker = published.length > 0 || /\bdocker\b/.test(source.text);
      const match = /^[^\n#]*\bufw\s+(?:--force\s+)?(?:enable|allow|default|deny)\b[^\n]*/m.exec(source.text);
      if (!match || !docker || /DOCKER-USER|ufw-docker/.test(source.text)) continue;
      const start = match.index + match[0].search(/\S/);
      const port = published[0];
      yield {
        span: { source, start, end: match.index + match[0].length },
        message: "ufw does not filter ports that Docker publishes: its rules come after Docker's own",
        fix: "Publish on 127.0.0.1 only, or filter in the DOCKER-USER chain (`gigastt render firewall`).",
        related: port ? [{ span: port.node, message: "published past ufw" }] : [],
      };
    }
    if (!isBelow(facts.versions.docker, "28.0.0")) return;
    for (const service of appServices(facts)) {
      for (const port of service.ports) {
        if (port.hostIp === undefined || !isLoopbackHost(port.hostIp)) continue;
        yield {
          span: port.node,
          message: `on Docker ${facts.versions.docker} a port published on ${port.hostIp} is reachable from the same network segment`,
          fix: "Update to Docker 28 or newer, or do not publish the port.",
        };
      }
    }
  },
};
