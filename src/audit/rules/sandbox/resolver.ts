import type { Rule } from "../../types.ts";
import { isIpLiteral, isLoopbackHost } from "../../model/address.ts";
import type { Facts } from "../../model/facts.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { isBelow } from "../../model/versions.ts";
import { proxyKind } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-SBX-008",
  severity: "error",
  confidence: "likely",
  title: "nginx resolves the container's name only once",
  why: "A literal upstream name is resolved only once, when nginx starts. After `docker compose up` has recreated the container with a new address nginx keeps using the old one and answers 502 until it is restarted. If the name does not resolve at the start, nginx does not start at all.",
  evidence: ["nginx CHANGES 1.27.3: `server … resolve` in the open source version."],
  reads: ["nginx", "compose"],
  fixKind: "manual",
  *check(facts) {
    const names = new Set(facts.services.map((service) => service.name.toLowerCase()));
    const inContainer = facts.services.some((service) => proxyKind(service) === "nginx");
    for (const point of facts.nginxPoints) {
      if (point.address.variable || /\$/.test(arg(point.pass, 0))) continue;
      const servers = point.upstream?.own.filter((directive) => directive.directive === "server") ?? [];
      for (const [i, target] of point.targets.entries()) {
        // Only names that container engines hand out: a single word, or a cluster's.
        const container =
          names.has(target.host) ||
          /^[a-z0-9][a-z0-9_-]*$/.test(target.host) ||
          /\.svc(?:\.cluster\.local)?$/.test(target.host);
        if (target.unix || isIpLiteral(target.host) || isLoopbackHost(target.host) || !container || target.host === "")
          continue;
        if (names.size > 0 && inContainer && !names.has(target.host)) continue;
        // On a host such a name is mostly one of /etc/hosts or of the home network.
        if (names.size === 0 && isOnHost(facts, point)) continue;
        const server = servers[i];
        const resolves =
          server?.args.some((argument) => argument.value === "resolve") &&
          (inherited(point.scope, "resolver") ?? point.upstream?.own.find((item) => item.directive === "resolver"));
        if (resolves) continue;
        const at = server ?? point.pass;
        const older = isBelow(facts.versions.nginx, "1.27.3");
        yield {
          span: headSpan(at),
          message: `"${target.host}" is resolved once, at nginx's start: after the container is recreated every request ends in 502`,
          fix: older
            ? "Before nginx 1.27.3: `resolver 127.0.0.11 valid=10s; set $upstream http://NAME:PORT; proxy_pass $upstream;`."
            : "Write `resolver 127.0.0.11 valid=10s;` and `upstream app { zone app 64k; server NAME:PORT resolve; }`.",
          ...(names.has(target.host)
            ? { confidence: "certain" as const }
            : names.size === 0 && !target.host.includes(".svc")
              ? { severity: "warning" as const }
              : {}),
        };
      }
    }
  },
};

/** A distribution's folders of nginx, or units of systemd beside them. */
function isOnHost(facts: Facts, point: NginxPoint): boolean {
  return (
    /(?:^|\/)(?:etc\/nginx\/|sites-(?:enabled|available)\/)/.test(point.pass.source.path) ||
    facts.units.some(({ base }) => base !== undefined)
  );
}
