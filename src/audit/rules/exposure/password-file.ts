import type { Hit, Rule } from "../../types.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import { hashScheme } from "../../parse/htpasswd.ts";
import { caddyHead } from "../../model/caddy.ts";
import { compareVersions, isBelow } from "../../model/versions.ts";
import { replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-EXP-010",
  severity: "error",
  confidence: "certain",
  title: "Password hashes, or the directive that reads them, do not work with this proxy",
  why: "Caddy before 2.8 knows only `basicauth`, newer ones call it `basic_auth` and warn about the old name. MD5, SHA-1, crypt and plain passwords are guessed within minutes once the file leaks.",
  evidence: ["Tried on Caddy 2.6.2: `unrecognized directive: basic_auth`.", "caddyserver/caddy#6092"],
  reads: ["caddyfile", "htpasswd"],
  fixKind: "safe",
  *check(facts) {
    const version = facts.versions.caddy;
    for (const file of facts.caddy) {
      for (const directive of every(file.sites.flatMap((site) => site.directives))) {
        if (directive.name === "basic_auth" && isBelow(version, "2.8.0")) {
          yield {
            span: caddyHead(directive),
            message: `Caddy ${version} does not know basic_auth`,
            fix: "Write `basicauth`, or use Caddy 2.8 or newer.",
            edits: [replace(directive.nameSpan, "basicauth")],
          };
        }
        if (directive.name === "basicauth" && (version === undefined || compareVersions(version, "2.8.0") >= 0)) {
          yield {
            span: caddyHead(directive),
            message: "`basicauth` is deprecated since Caddy 2.8",
            fix: "Write `basic_auth`.",
            severity: "note",
            confidence: version === undefined ? "needs-context" : "certain",
            ...(version === undefined ? {} : { edits: [replace(directive.nameSpan, "basic_auth")] }),
          };
        }
        if (directive.name === "basic_auth" || directive.name === "basicauth") yield* accounts(directive);
      }
    }
    for (const file of facts.htpasswds) {
      for (const entry of file.entries) {
        if (
          entry.scheme === "bcrypt" ||
          entry.scheme === "argon2" ||
          entry.scheme === "sha512-crypt" ||
          entry.scheme === "sha256-crypt"
        )
          continue;
        yield {
          span: entry,
          message: `the password of ${entry.user} is stored as ${entry.scheme === "plain" ? "plain text or an unknown hash" : entry.scheme}`,
          fix: "Create it again with bcrypt: `gigastt secrets`, or `htpasswd -B`.",
          ...(entry.scheme === "apr1-md5" ? { severity: "warning" as const } : {}),
        };
      }
    }
  },
};

function* accounts(directive: CaddyDirective): Generator<Hit> {
  for (const account of directive.block ?? []) {
    const hash = account.args[0];
    if (!hash || /^\{.+\}$/.test(hash.value) || hash.value.startsWith("{$")) continue;
    const scheme = hashScheme(hash.value);
    const encoded =
      scheme === "plain" &&
      /^[A-Za-z0-9+/]{60,}={0,2}$/.test(hash.value) &&
      hashScheme(Buffer.from(hash.value, "base64").toString("latin1")) === "bcrypt";
    if (scheme === "bcrypt" || scheme === "argon2" || encoded) continue;
    yield {
      span: hash,
      message: `the password of ${account.name} is not a bcrypt or argon2id hash: Caddy refuses it, or it is stored in clear`,
      fix: "Hash it with `caddy hash-password` or `gigastt secrets`.",
    };
  }
}

function* every(directives: readonly CaddyDirective[]): Generator<CaddyDirective> {
  for (const directive of directives) {
    yield directive;
    if (directive.block) yield* every(directive.block);
  }
}
