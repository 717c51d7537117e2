import type { NginxScope } from "../../model/nginx.ts";
import type { Rule } from "../../types.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { listenSockets } from "../../model/nginx-listen.ts";
import { headSpan, ownAll } from "../../model/nginx.ts";
import { nginxServers } from "../../model/nginx-points.ts";

/** Every address of one family: `443`, `*:443`, `0.0.0.0:443`, `[::]:443`. */
const WILDCARD = /^(?:(?:\*|0\.0\.0\.0):)?(?<four>\d+)$|^\[::\]:(?<six>\d+)$/;

export const rule: Rule = {
  id: "GA-LIF-020",
  severity: "error",
  confidence: "certain",
  title: "The name is served over IPv4 or IPv6 only, another server answers on the other",
  why: "`listen 443` is IPv4, `listen [::]:443` is IPv6. When another server listens on both and this one on one of them, visitors of the other family get that server's certificate, page or refusal. A test from an IPv4 network shows nothing wrong.",
  evidence: ["nginx, listen: an IPv6 socket takes IPv6 only (ipv6only=on) since 1.3.4."],
  reads: ["nginx"],
  fixKind: "manual",
  *check(facts) {
    const app = new Set(appNginxPoints(facts).flatMap((point) => (point.server ? [point.server] : [])));
    const names = new Set([...app].flatMap(namesOf));
    for (const root of new Set(appNginxPoints(facts).map((point) => point.root))) {
      const servers = nginxServers(root);
      const sockets = listenSockets(servers);
      for (const server of servers) {
        const own = namesOf(server).filter((name) => names.has(name));
        const first = ownAll(server, "listen")[0];
        if (own.length === 0 || !first || dualStack(server)) continue;
        const ports = new Set(
          sockets.filter((socket) => socket.servers.includes(server)).map(({ address }) => portOf(address)),
        );
        const other = sockets.find(
          (socket) =>
            ports.has(portOf(socket.address)) &&
            portOf(socket.address) !== undefined &&
            !socket.servers.some((item) => namesOf(item).some((name) => own.includes(name))),
        );
        if (!other) continue;
        const answering = ownAll(other.leader, "server_name")[0] ?? other.leader.directive;
        yield {
          span: headSpan(first),
          message: `${own[0]} is not served on ${other.address}, where another server listens: ${other.address.startsWith("[") ? "IPv6" : "IPv4"} visitors get that one's answer`,
          fix: `Write \`listen ${other.address}${first.args.some(({ value }) => value === "ssl") ? " ssl" : ""};\` into this server too.`,
          related: answering ? [{ span: headSpan(answering), message: `answers on ${other.address}` }] : [],
        };
      }
    }
  },
};

// ---

function namesOf(server: NginxScope): readonly string[] {
  return ownAll(server, "server_name")
    .flatMap(({ args }) => args.map(({ value }) => value))
    .filter((name) => name !== "" && name !== "_");
}

function portOf(address: string): string | undefined {
  const groups = WILDCARD.exec(address)?.groups;
  return groups?.["four"] ?? groups?.["six"];
}

function dualStack(server: NginxScope): boolean {
  return ownAll(server, "listen").some(({ args }) => args.some(({ value }) => value === "ipv6only=off"));
}
