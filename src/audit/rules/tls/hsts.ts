import type { Rule } from "../../types.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, headSpan, inheritedList, inherited, ownAll } from "../../model/nginx.ts";
import { nginxServers } from "../../model/nginx-points.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { isAtLeast } from "../../model/versions.ts";
import { caddyHead, plainArgs, visit } from "../../model/caddy.ts";
import type { CaddyArg, CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { NginxDirective } from "../../parse/nginx.ts";
import type { Span } from "../../source.ts";
import { replace } from "../kit/edits.ts";

/** 180 days: what the Observatory accepts. */
const MIN_AGE = 15_552_000;
const TRIAL_AGE = 300;
const FULL_AGE = 63_072_000;

export const rule: Rule = {
  id: "GA-TLS-002",
  severity: "warning",
  confidence: "certain",
  title: "Strict-Transport-Security is missing, too short, or lost",
  why: "Without it an attacker on the path can keep the first request of every visit on plain HTTP. nginx leaves add_header out of error answers unless it says `always`, and drops the whole inherited list in a location that has an add_header of its own.",
  evidence: [
    "Tried on nginx: the header vanishes in such a location and on a 401.",
    "MDN HTTP Observatory, strict-transport-security test",
  ],
  reads: ["nginx", "caddyfile", "config"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appNginxPoints(facts).flatMap((point) => (point.server ? [point.server] : [])));
    if (facts.assume.text("deploy.tls.hsts") === "off") return;
    const trial =
      facts.assume.text("deploy.tls.hsts") === "trial" || facts.assume.text("deploy.tls.hsts") === undefined;
    // Browsers keep it for that long: two years cannot be taken back.
    const age = trial ? TRIAL_AGE : FULL_AGE;
    const later = trial ? `; when everything works, write ${FULL_AGE}` : "";
    for (const root of facts.nginx) {
      for (const server of nginxServers(root)) {
        if (!isTls(server)) continue;
        const header = find(inheritedList(server, "add_header").list);
        if (!header) {
          if (!ours.has(server) || server.missing.length > 0) continue;
          const names = ownAll(server, "server_name")[0];
          const anchor = names ?? ownAll(server, "listen")[0];
          yield {
            span: headSpan(anchor ?? (server.directive as NginxDirective)), // a server scope always has its directive
            message: "the TLS server sends no Strict-Transport-Security",
            fix: `Add \`add_header Strict-Transport-Security "max-age=${age}" always;\` to the server${later}.`,
            ...(anchor
              ? { edits: [after(anchor, `add_header Strict-Transport-Security "max-age=${age}" always;`)] }
              : {}),
          };
          continue;
        }
        yield* judge(header, trial, root.main);
        for (const scope of server.scopes) {
          const own = ownAll(scope, "add_header");
          if (scope.kind !== "location" || own.length === 0 || find(own)) continue;
          const mode = inherited(scope, "add_header_inherit");
          if (
            arg(mode, 0) === "merge" &&
            (facts.versions.nginx === undefined || isAtLeast(facts.versions.nginx, "1.29.3"))
          )
            continue;
          const first = own[0] as NginxDirective; // length checked above
          yield {
            span: headSpan(first),
            message: "this add_header drops the server's whole list, Strict-Transport-Security included",
            fix: "Repeat the server's headers here, move this one up, or (nginx 1.29.3) write `add_header_inherit merge;`.",
            related: [{ span: headSpan(header), message: "the header that is lost" }],
          };
        }
      }
    }
    for (const site of new Set(appCaddyPoints(facts).map((point) => point.site))) {
      const address = site.addresses[0];
      if (
        !address ||
        address.value.startsWith("http://") ||
        /^:80$|:80$|^localhost/.test(address.value) ||
        !/[a-z]/i.test(address.value)
      )
        continue;
      if (site.addresses.every((item) => item.source.path.endsWith(".json"))) continue;
      const text = site.source.text.slice(site.start, site.end);
      const header =
        /strict-transport-security/i.test(text) ||
        site.directives.some((directive) =>
          /strict-transport-security/i.test(
            JSON.stringify([
              directive.args.map((item) => item.value),
              (directive.block ?? []).map((item) => [item.name]),
            ]),
          ),
        );
      if (header) {
        for (const [value, age] of caddyAges(site.directives)) {
          if (age >= MIN_AGE || (trial && age === 300)) continue;
          yield {
            span: value,
            message: `max-age=${age} is below 180 days`,
            fix: 'Write "max-age=63072000" (start with 300 while you try it out: deploy.tls.hsts trial).',
            edits: [replace(value, '"max-age=63072000"')],
          };
        }
        continue;
      }
      const block = site.directives.find((directive) => directive.name === "header" && directive.block);
      yield {
        span: block ? caddyHead(block) : address,
        message: `${address.value} sends no Strict-Transport-Security`,
        fix: `Add \`header Strict-Transport-Security "max-age=${age}"\` to the site${later}.`,
        ...(site.directives[0]
          ? { edits: [before(site.directives[0], `header Strict-Transport-Security "max-age=${age}"`)] }
          : {}),
      };
    }
  },
};

function* judge(
  header: NginxDirective,
  trial: boolean,
  main: NginxScope,
): Generator<{
  span: ReturnType<typeof headSpan>;
  message: string;
  fix: string;
  edits?: ReturnType<typeof replace>[];
}> {
  const value = header.args[1];
  const age = ageOf(value?.value ?? "", main);
  if (value && age !== undefined && age < MIN_AGE && !(trial && age === 300)) {
    yield {
      span: headSpan(header),
      message: `max-age=${age} is below 180 days`,
      fix: 'Write "max-age=63072000" (start with 300 while you try it out: deploy.tls.hsts trial).',
      edits: [replace(value, '"max-age=63072000"')],
    };
  }
  if (arg(header, 2) !== "always" && value) {
    yield {
      span: headSpan(header),
      message: "without `always` the header is missing on 401, 404 and every other error answer",
      fix: "Add `always`.",
      edits: [{ span: { source: header.source, start: value.end, end: value.end }, text: " always" }],
    };
  }
}

/** Of a value with a variable: what a map gives it for https; undefined when that is not known. */
function ageOf(value: string, main: NginxScope): number | undefined {
  const variable = /\$\{?(\w+)\}?/.exec(value)?.[1];
  if (variable === undefined) return Number(/max-age=(\d+)/i.exec(value)?.[1] ?? 0);
  const maps = [...allScopes(main)].filter(
    ({ kind, directive }) => kind === "map" && arg(directive, 1) === `$${variable}`,
  );
  const ages = maps.flatMap(({ own }) =>
    own.flatMap((entry) => {
      const age = /max-age=(\d+)/i.exec(arg(entry, 0))?.[1];
      return age === undefined ? [] : [Number(age)];
    }),
  );
  return ages.length === 0 ? undefined : Math.max(...ages);
}

/** Every Strict-Transport-Security a site sets, with its age in seconds; one place is named once. */
function caddyAges(directives: readonly CaddyDirective[]): ReadonlyMap<Span, number> {
  const out = new Map<Span, number>();
  const seen = new Set<string>();
  const add = (name: string, value: CaddyArg | undefined): void => {
    if (!value || !/^[+?>]?strict-transport-security$/i.test(name)) return;
    const place = `${value.source.path}:${value.start}`;
    const age = /max-age=(\d+)/i.exec(value.value)?.[1];
    if (seen.has(place) || age === undefined) return;
    seen.add(place);
    out.set(value, Number(age));
  };
  visit(directives, [], (directive) => {
    if (directive.name !== "header") return;
    const args = plainArgs(directive);
    add(args[0]?.value ?? "", args[1]);
    for (const item of directive.block ?? []) add(item.name, item.args[0]);
  });
  return out;
}

function find(list: readonly NginxDirective[]): NginxDirective | undefined {
  return list.find((directive) => arg(directive, 0).toLowerCase() === "strict-transport-security");
}

function isTls(server: NginxScope): boolean {
  return (
    ownAll(server, "listen").some((listen) =>
      listen.args.some((argument) => argument.value === "ssl" || argument.value === "quic"),
    ) && !server.own.some((item) => item.directive === "ssl_reject_handshake")
  );
}

function after(
  directive: NginxDirective,
  text: string,
): { span: { source: NginxDirective["source"]; start: number; end: number }; text: string } {
  return {
    span: { source: directive.source, start: directive.end, end: directive.end },
    text: `\n${" ".repeat(directive.column - 1)}${text}`,
  };
}

function before(
  directive: { source: NginxDirective["source"]; start: number; column: number },
  text: string,
): { span: { source: NginxDirective["source"]; start: number; end: number }; text: string } {
  return {
    span: { source: directive.source, start: directive.start, end: directive.start },
    text: `${text}\n${"\t".repeat(Math.max(1, directive.column - 1))}`,
  };
}
