import type { Rule } from "../../types.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { listenSockets } from "../../model/nginx-listen.ts";
import { arg, headSpan, inherited, nginxTimeMs, ownAll } from "../../model/nginx.ts";
import { nginxServers } from "../../model/nginx-points.ts";
import { seconds } from "../kit/wording.ts";

const NGINX_DEFAULT_MS = 60_000;

export const rule: Rule = {
  id: "GA-STR-017",
  severity: "warning",
  confidence: "certain",
  title: "client_header_timeout is set in a server where nginx ignores it",
  why: "nginx waits for the header of a request before it knows which server is meant: the timer is that of the default server of the address. A shorter time in any other server reads as if slow clients were cut, and they are not.",
  evidence: [
    "Tried on nginx 1.22.1 with 9 s in the default server and 2 s in the named one: cut after 9 s, over plain HTTP and over TLS, also when the handshake names the server.",
    "nginx, client_header_timeout: at the server level the value of the default server can be used.",
  ],
  reads: ["nginx"],
  fixKind: "manual",
  *check(facts) {
    const servers = new Set(appNginxPoints(facts).flatMap((point) => (point.server ? [point.server] : [])));
    const seen = new Set<unknown>();
    for (const root of new Set(appNginxPoints(facts).map((point) => point.root))) {
      for (const { address, servers: sharing, leader, marked } of listenSockets(nginxServers(root))) {
        const inForce = inherited(leader, "client_header_timeout");
        const inForceMs = inForce ? nginxTimeMs(arg(inForce, 0)) : NGINX_DEFAULT_MS;
        for (const server of sharing) {
          const own = ownAll(server, "client_header_timeout").at(-1);
          const ms = nginxTimeMs(arg(own, 0));
          if (server === leader || !servers.has(server) || !own || ms === undefined || inForceMs === undefined)
            continue;
          if (ms >= inForceMs || seen.has(own)) continue;
          seen.add(own);
          const place = inForce ?? leader.directive;
          yield {
            span: headSpan(own),
            message: `client_header_timeout ${arg(own, 0)} has no effect on ${address}: the default server of that address decides, and it waits ${seconds(inForceMs)}`,
            fix: "Write client_header_timeout at the http level, or in the default server.",
            related: place ? [{ span: headSpan(place), message: `the default server of ${address}` }] : [],
            // Another file may hold the default server.
            ...(marked || (root.complete && root.main.missing.length === 0) ? {} : { confidence: "likely" as const }),
          };
        }
      }
    }
  },
};
