import type { Hit, Rule } from "../../types.ts";
import type { NginxDirective } from "../../parse/nginx.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, inherited, nginxTimeMs } from "../../model/nginx.ts";
import { listenSockets } from "../../model/nginx-listen.ts";
import { nginxServers } from "../../model/nginx-points.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";
import { isAtLeast } from "../../model/versions.ts";
import { replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";

/** Longest time a header, or a pause in a body, may take for a real client. */
const HEADER_MS = 60_000;
const BODY_MS = 120_000;

export const rule: Rule = {
  id: "GA-STR-016",
  severity: "warning",
  confidence: "certain",
  title: "A slow client holds its connection without limit",
  why: "A few hundred clients that send one byte of their header per minute use up every connection of the proxy, and other clients cannot connect. The proxy must give up on a header that does not arrive. nginx does after 60 s; Caddy before 2.9 never does.",
  evidence: [
    "Slowloris (2009), still in every scanner.",
    "caddyserver/caddy#6663: read_header got a default of one minute in 2.9.",
  ],
  reads: ["nginx", "caddyfile"],
  fixKind: "safe",
  *check(facts) {
    const seen = new Set<unknown>();
    for (const point of appNginxPoints(facts)) {
      const directive = inherited(point.scope, "client_body_timeout");
      if (directive && !seen.has(directive)) yield* tooLong(directive, BODY_MS, "60s");
      seen.add(directive);
    }
    // nginx reads the header by the default server of the address, before it knows which name is meant.
    for (const root of new Set(appNginxPoints(facts).map((point) => point.root)))
      for (const { leader } of listenSockets(nginxServers(root))) {
        const directive = inherited(leader, "client_header_timeout");
        if (directive && !seen.has(directive)) yield* tooLong(directive, HEADER_MS, "15s");
        seen.add(directive);
      }
    for (const file of new Set(appCaddyPoints(facts).map((point) => point.file))) {
      if (file.source.path.endsWith(".json")) continue;
      const servers = file.options.filter((option) => option.name === "servers");
      const header = servers.map((option) => child(option, "timeouts", "read_header")).find((item) => item);
      const text = header?.args[0]?.value;
      const ms = text === undefined ? undefined : goDurationMs(text);
      if (header ? ms !== undefined && ms > 0 && ms <= HEADER_MS : isAtLeast(facts.versions.caddy, "2.9.0")) continue;
      const site = appCaddyPoints(facts).find((point) => point.file === file)?.site;
      const value = header?.args[0];
      const anchor = header ? caddyHead(header) : ((servers[0] && caddyHead(servers[0])) ?? site?.addresses[0]);
      if (!anchor) continue;
      yield {
        span: anchor,
        message: header
          ? `read_header ${text} lets a client that sends nothing hold its connection`
          : "no read_header timeout: before Caddy 2.9 a client that sends nothing holds its connection without limit",
        fix: "Write `servers { timeouts { read_header 15s } }` in the global options.",
        ...(value ? { edits: [replace(value, "15s")] } : {}),
        ...(header || facts.versions.caddy !== undefined
          ? {}
          : { severity: "note" as const, confidence: "needs-context" as const }),
      };
    }
  },
};

// ---

function* tooLong(directive: NginxDirective, limitMs: number, want: string): Generator<Hit> {
  const value = directive.args[0];
  const ms = nginxTimeMs(arg(directive, 0));
  if (!value || ms === undefined || (ms <= limitMs && ms > 0)) return;
  yield {
    span: headSpan(directive),
    message: `${directive.directive} ${arg(directive, 0)} lets a client that sends nothing hold its connection for ${seconds(ms)}`,
    fix: `Write \`${directive.directive} ${want};\`.`,
    edits: [replace(value, want)],
  };
}
