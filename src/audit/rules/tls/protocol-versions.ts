import type { Hit, Rule } from "../../types.ts";
import type { NginxRoot } from "../../model/nginx.ts";
import { allScopes, arg, headSpan, inherited, ownAll } from "../../model/nginx.ts";
import { listenSockets } from "../../model/nginx-listen.ts";
import { nginxServers } from "../../model/nginx-points.ts";
import type { Facts } from "../../model/facts.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { isAtLeast, isBelow } from "../../model/versions.ts";
import { insertLineBefore, replace } from "../kit/edits.ts";

const SUITES =
  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

export const rule: Rule = {
  id: "GA-TLS-001",
  severity: "error",
  confidence: "certain",
  title: "Outdated TLS is offered",
  why: "TLS 1.0 and 1.1, CBC, RC4 and 3DES suites have known attacks; no current browser needs them. `ssl on` was removed in nginx 1.25.1. Before 1.29.2 ssl_protocols of a server that is not the default one of its port has no effect: the default server's counts.",
  evidence: ["Mozilla TLS guideline 6.0", "nginx CHANGES 1.25.1 and 1.29.2"],
  reads: ["nginx", "caddyfile"],
  fixKind: "safe",
  *check(facts) {
    for (const root of facts.nginx) {
      for (const scope of allScopes(root.main)) {
        for (const directive of ownAll(scope, "ssl_protocols")) {
          const old = directive.args.filter((argument) =>
            /^(?:SSLv[23]|TLSv1|TLSv1\.0|TLSv1\.1)$/i.test(argument.value),
          );
          const first = directive.args[0];
          const last = directive.args.at(-1);
          if (old.length === 0 || !first || !last) continue;
          yield {
            span: headSpan(directive),
            message: `ssl_protocols offers ${old.map((argument) => argument.value).join(", ")}`,
            fix: "Write `ssl_protocols TLSv1.2 TLSv1.3;`.",
            edits: [replace({ source: directive.source, start: first.start, end: last.end }, "TLSv1.2 TLSv1.3")],
          };
        }
        for (const directive of ownAll(scope, "ssl_ciphers")) {
          const value = directive.args[0];
          if (!value) continue;
          const parts = value.value.split(/[:, ]+/).filter((part) => part !== "" && !/^[!-]/.test(part));
          const weak = parts.filter(
            (part) =>
              /RC4|3DES|DES-CBC|MD5|NULL|EXP|aNULL|ADH/i.test(part) ||
              (/-(?:SHA|SHA256|SHA384)$/.test(part) && !/GCM|CHACHA20|CCM/.test(part)),
          );
          const broad = parts.filter((part) =>
            /^(?:HIGH|MEDIUM|LOW|ALL|DEFAULT|EECDH|EDH|ECDHE?|DHE|AES(?:128|256)?|kEECDH|kEDH)$/i.test(part),
          );
          if (weak.length === 0 && broad.length === 0) continue;
          yield {
            span: headSpan(directive),
            message:
              weak.length > 0
                ? `ssl_ciphers contains ${weak.slice(0, 3).join(", ")}${weak.length > 3 ? " and others" : ""}: no authenticated encryption`
                : `ssl_ciphers ${broad[0]} includes CBC suites`,
            fix: `Write \`ssl_ciphers ${SUITES};\`.`,
            edits: [replace(value, SUITES)],
            ...(weak.length > 0 ? {} : { severity: "warning" as const }),
          };
        }
        for (const directive of ownAll(scope, "ssl")) {
          if (arg(directive, 0) !== "on" && arg(directive, 0) !== "off") continue;
          yield {
            span: headSpan(directive),
            message: `\`ssl ${arg(directive, 0)}\` was removed in nginx 1.25.1: the file no longer loads`,
            fix: "Delete it and write `listen 443 ssl;`.",
          };
        }
      }
      yield* defaults(facts, root);
      if (!isAtLeast(facts.versions.nginx, "1.29.2")) yield* ineffective(root);
    }
    for (const file of facts.caddy) {
      for (const site of file.sites) {
        const protocols = child(
          site.directives.find((directive) => directive.name === "tls"),
          "protocols",
        );
        const old = protocols?.args.find((argument) => /^tls1\.[01]$/.test(argument.value));
        if (protocols && old)
          yield {
            span: caddyHead(protocols),
            message: `protocols names ${old.value}, which Caddy does not know: it does not start`,
            fix: "Delete the line: Caddy's default is TLS 1.2 and 1.3.",
          };
      }
    }
  },
};

/** What nginx offers when nothing is written. */
function* defaults(facts: Facts, root: NginxRoot): Generator<Hit> {
  const servers = new Set(
    appNginxPoints(facts).flatMap((point) => (point.root === root && point.server ? [point.server] : [])),
  );
  for (const server of servers) {
    const listen = ownAll(server, "listen").find((item) => item.args.some((argument) => argument.value === "ssl"));
    if (!listen || !root.complete || [...allScopes(root.main)].some((scope) => scope.missing.length > 0)) continue;
    if (!inherited(server, "ssl_protocols") && isBelow(facts.versions.nginx, "1.27.3"))
      yield {
        span: headSpan(listen),
        message: "ssl_protocols is not set: nginx before 1.27.3 offers TLS 1.0 and 1.1",
        fix: "Write `ssl_protocols TLSv1.2 TLSv1.3;`.",
        edits: [insertLineBefore(listen.source, listen.start, "ssl_protocols TLSv1.2 TLSv1.3;")],
      };
    const protocols = inherited(server, "ssl_protocols");
    const old = !protocols || protocols.args.some((item) => item.value === "TLSv1.2");
    if (old && !inherited(server, "ssl_ciphers"))
      yield {
        span: headSpan(listen),
        message: "ssl_ciphers is not set: nginx's default HIGH includes CBC suites for TLS 1.2",
        fix: `Write \`ssl_ciphers ${SUITES};\`.`,
        edits: [insertLineBefore(listen.source, listen.start, `ssl_ciphers ${SUITES};`)],
        severity: "note",
      };
    for (const name of ["ssl_certificate", "ssl_certificate_key"]) {
      if (inherited(server, name)) continue;
      yield {
        span: headSpan(listen),
        message: `${name} is missing: no TLS connection to this server succeeds`,
        fix: `Name the file with ${name}.`,
      };
    }
  }
}

/** ssl_protocols of a server that shares its port with a default server that says otherwise. */
function* ineffective(root: NginxRoot): Generator<ReturnType<typeof hit>> {
  const servers = nginxServers(root);
  const sockets = listenSockets(servers);
  for (const server of servers) {
    const own = ownAll(server, "ssl_protocols")[0];
    if (!own) continue;
    for (const { leader } of sockets.filter((socket) => socket.servers.includes(server))) {
      if (leader === server || leader.own.some((item) => item.directive === "ssl_reject_handshake")) continue;
      const theirs = ownAll(leader, "ssl_protocols")[0];
      if (theirs && theirs.args.map((item) => item.value).join(" ") === own.args.map((item) => item.value).join(" "))
        continue;
      if (leader.missing.length > 0) continue;
      yield hit(own, theirs ?? leader.directive);
      break;
    }
  }
}

function hit(own: Parameters<typeof headSpan>[0], other: Parameters<typeof headSpan>[0] | undefined) {
  return {
    span: headSpan(own),
    message: "ssl_protocols has no effect here before nginx 1.29.2: the default server of this port decides",
    fix: "Move ssl_protocols (and ssl_ciphers) to the http level.",
    severity: "warning" as const,
    confidence: "likely" as const,
    related: other ? [{ span: headSpan(other), message: "the default server of this port" }] : [],
  };
}
