import type { Hit, Rule } from "../../types.ts";
import type { Source } from "../../source.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, headSpan, inherited, ownAll } from "../../model/nginx.ts";
import { listenSockets } from "../../model/nginx-listen.ts";
import { nginxServers } from "../../model/nginx-points.ts";
import type { Facts } from "../../model/facts.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { isBelow } from "../../model/versions.ts";
import { insertLineBefore, replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-TLS-004",
  severity: "warning",
  confidence: "certain",
  title: "TLS upkeep: unknown names, obsolete options, renewal that does not run",
  why: "Without a default server that refuses, the first server answers for every name that points at the machine. Let's Encrypt has stopped OCSP, so stapling only logs errors. `listen … http2` is deprecated since 1.25.1. A line in /etc/crontab without a user field never runs, and monthly renewal leaves no second try before the certificate ends.",
  evidence: [
    'Tried on nginx 1.30.4: `the "listen ... http2" directive is deprecated`.',
    "crontab(5): the sixth field of /etc/crontab is the user.",
  ],
  reads: ["nginx", "crontab", "shell", "systemd"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appNginxPoints(facts).map((point) => point.root));
    for (const root of facts.nginx) {
      const servers = nginxServers(root);
      const tls = servers.filter((server) =>
        ownAll(server, "listen").some((listen) => listen.args.some((argument) => argument.value === "ssl")),
      );
      const open = ours.has(root) && root.main.missing.length === 0 ? unguarded(tls) : undefined;
      if (open?.server.directive) {
        const names =
          ownAll(open.server, "server_name")[0] ?? ownAll(open.server, "listen")[0] ?? open.server.directive;
        yield {
          span: headSpan(names),
          message: `no default server refuses unknown names on ${open.address}: this one answers for every name that points here`,
          fix: `Add \`server { listen ${open.address} ssl default_server; ssl_reject_handshake on; }\`.`,
          severity: "note",
          ...(open.explicit
            ? {}
            : {
                edits: [
                  insertLineBefore(
                    open.server.directive.source,
                    open.server.directive.start,
                    `server { listen ${open.address} ssl default_server; ssl_reject_handshake on; }`,
                  ),
                ],
              }),
          ...(root.complete ? {} : { confidence: "likely" as const }),
        };
      }
      for (const scope of allScopes(root.main)) {
        for (const listen of ownAll(scope, "listen")) {
          const http2 = listen.args.find((argument) => argument.value === "http2");
          if (!http2 || isBelow(facts.versions.nginx, "1.25.1")) continue;
          yield {
            span: headSpan(listen),
            message: "`listen … http2` is deprecated since nginx 1.25.1",
            fix: "Write `listen 443 ssl;` and `http2 on;` (on nginx before 1.25.1 it is right: tell the audit with --nginx-version).",
            ...(facts.versions.nginx === undefined
              ? { severity: "note" as const, confidence: "needs-context" as const }
              : {
                  edits: [
                    replace({ source: listen.source, start: http2.start, end: http2.end }, ""),
                    { span: { source: listen.source, start: listen.end, end: listen.end }, text: " http2 on;" },
                  ],
                }),
          };
        }
        for (const stapling of ownAll(scope, "ssl_stapling")) {
          const certificate = inherited(scope, "ssl_certificate");
          if (arg(stapling, 0) !== "on" || (certificate && !/letsencrypt|acme/.test(arg(certificate, 0)))) continue;
          yield {
            span: headSpan(stapling),
            message: "ssl_stapling with a Let's Encrypt certificate: OCSP has ended, nginx only logs errors",
            fix: "Delete ssl_stapling and ssl_stapling_verify.",
            edits: [replace(arg(stapling, 0) === "on" && stapling.args[0] ? stapling.args[0] : stapling, "off")],
          };
        }
      }
    }
    yield* timers(facts);
    for (const source of [...facts.crontabs, ...facts.scripts]) yield* cron(source, facts.crontabs.includes(source));
  },
};

/**
 * The first address on which nginx takes a server that serves for names it does not know: the default server of an address is the
 * one that says so, else the first.
 */
function unguarded(
  tls: readonly NginxScope[],
): { readonly address: string; readonly server: NginxScope; readonly explicit: boolean } | undefined {
  for (const { address, leader: server, marked: explicit } of listenSockets(tls)) {
    const refuses = server.own.some(
      (item) =>
        (item.directive === "ssl_reject_handshake" && arg(item, 0) === "on") ||
        (item.directive === "return" && /^4\d\d$/.test(arg(item, 0))),
    );
    if (!refuses) return { address, server, explicit };
  }
  return undefined;
}

/** Renewal by systemd: often enough, and loaded afterwards. */
function* timers(facts: Facts): Generator<Hit> {
  for (const unit of facts.units) {
    const start = unit.get("Service", "ExecStart");
    if (!start || !/\bcertbot\s+renew\b/.test(start.value)) continue;
    const after = /--(?:deploy|post)-hook/.test(start.value) || unit.get("Service", "ExecStartPost") !== undefined;
    if (!after)
      yield {
        span: start,
        message: "nothing reloads the proxy after the renewal: it serves the old certificate until it ends",
        fix: 'Add `--deploy-hook "systemctl reload nginx"`.',
        confidence: "likely",
      };
    const timer = facts.units.find((item) => item.name === unit.name.replace(/\.service$/, ".timer"));
    const calendar = timer?.get("Timer", "OnCalendar");
    if (!calendar || !/^(?:monthly|quarterly|semiannually|yearly|annually|\*-\*-\d+(?:\s|$))/.test(calendar.value))
      continue;
    yield {
      span: calendar,
      message: `OnCalendar=${calendar.value} renews once a month or less: one failure, and the certificate runs out`,
      fix: "Write `OnCalendar=*-*-* 00,12:00:00`; certbot does nothing until 30 days before the end.",
      edits: [replace(calendar, "OnCalendar=*-*-* 00,12:00:00")],
    };
  }
}

const TIMES = String.raw`((?:[\d*/,-]+\s+){4}[\d*/,-]+|@\w+)`;

function* cron(source: Source, isCrontab: boolean): Generator<Hit> {
  for (const match of source.text.matchAll(new RegExp(`${TIMES}[ \\t]+([^\\n"']*\\bcertbot\\s+renew[^\\n"']*)`, "g"))) {
    const lineStart = source.text.lastIndexOf("\n", match.index) + 1;
    const lineEnd = source.text.indexOf("\n", match.index);
    const line = source.text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
    if (line.trimStart().startsWith("#")) continue;
    const span = { source, start: match.index, end: match.index + match[0].length };
    const system = isCrontab
      ? /(?:^|\/)(?:etc\/crontab|crontab)$|cron\.d\//.test(source.path)
      : /\/etc\/(?:crontab|cron\.d\/)/.test(line);
    const command = match[2] ?? "";
    if (system && /^(?:\/\S*\/)?(?:certbot|sleep|test|\[|perl|sh|bash|docker)\b/.test(command)) {
      yield {
        span,
        message: "a line of /etc/crontab needs the user before the command: this one never runs",
        fix: "Write `0 3 * * * root certbot renew …`, or use certbot's own systemd timer.",
        severity: "error",
      };
    }
    const [, , day = "*", month = "*", week = "*"] = (match[1] ?? "").split(/\s+/);
    if ((match[1] ?? "").startsWith("@monthly") || (/^\d+$/.test(day) && week === "*") || /^\d+$/.test(month)) {
      yield {
        span,
        message: "renewal runs once a month or less: one failure, and the certificate runs out",
        fix: "Run it twice a day; certbot does nothing until 30 days before the end.",
      };
    }
  }
}
