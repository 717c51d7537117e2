import { parseAddress } from "../address.ts";
import { allScopes, arg, closest, headSpan, inherited, nginxTimeMs, ownAll, type NginxRoot } from "../nginx.ts";
import { frontOf, type Front, type IsUpstream } from "./front.ts";

/** `proxy_timeout` of a stream where nothing sets it. */
const DEFAULT_TIMEOUT_MS = 600_000;

/** Returns the ways to the server through `stream` of nginx, which passes bytes and reads no request. */
export function streamFronts(root: NginxRoot, isUpstream: IsUpstream): readonly Front[] {
  const scopes = [...allScopes(root.main)];
  return scopes.flatMap((scope) => {
    const pass = scope.kind === "server" && closest(scope, "stream") ? ownAll(scope, "proxy_pass")[0] : undefined;
    if (pass === undefined) return [];
    const target = arg(pass, 0);
    const upstream = scopes.find(({ kind, directive }) => kind === "upstream" && arg(directive, 0) === target);
    const servers = upstream ? ownAll(upstream, "server").map((line) => arg(line, 0)) : [target];
    if (!isUpstream(servers.map(parseAddress), target)) return [];
    const timeout = inherited(scope, "proxy_timeout");
    const ms = timeout ? nginxTimeMs(arg(timeout, 0)) : DEFAULT_TIMEOUT_MS;
    const timers =
      ms === undefined
        ? []
        : [
            {
              span: headSpan(timeout ?? pass),
              ms,
              what: timeout ? `proxy_timeout ${arg(timeout, 0)}` : "proxy_timeout is not set (10m)",
              fix: "Write `proxy_timeout` with the time that waiting and transcribing may take + 30 s.",
            },
          ];
    return [
      frontOf({
        program: "nginx",
        span: headSpan(pass),
        silence: timers,
        answer: timers,
        keepsAddress: [
          {
            span: headSpan(pass),
            what: "`stream` passes requests as they are, with the client's own X-Forwarded-For",
            fix: "Pass requests on in `http`, with `proxy_set_header X-Forwarded-For $remote_addr;`.",
          },
        ],
      }),
    ];
  });
}
