import type { Rule } from "../../types.ts";
import type { Span } from "../../source.ts";
import { allScopes, arg, headSpan, ownAll } from "../../model/nginx.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import { caddyHead } from "../../model/caddy.ts";

export const rule: Rule = {
  id: "GA-EXP-016",
  severity: "warning",
  confidence: "certain",
  title: "The content security policy allows what it should stop",
  why: "`script-src 'unsafe-inline'` lets injected scripts run, which is the one thing the policy is for. `connect-src ws: wss:` lets them send what they record to any host.",
  evidence: ["MDN HTTP Observatory, content-security-policy test."],
  reads: ["nginx", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    for (const root of facts.nginx) {
      for (const scope of allScopes(root.main)) {
        for (const header of ownAll(scope, "add_header")) {
          if (arg(header, 0).toLowerCase() === "content-security-policy")
            yield* judge(arg(header, 1), headSpan(header));
        }
      }
    }
    for (const file of facts.caddy) {
      for (const directive of every(file.sites.flatMap((site) => site.directives))) {
        const name = directive.name.replace(/^[+?>]/, "").toLowerCase();
        if (name === "content-security-policy")
          yield* judge(directive.args.map((item) => item.value).join(" "), caddyHead(directive));
        if (
          directive.name === "header" &&
          directive.args.some((item) => item.value.toLowerCase() === "content-security-policy")
        )
          yield* judge(directive.args.at(-1)?.value ?? "", caddyHead(directive));
      }
    }
  },
};

function* judge(policy: string, span: Span): Generator<{ span: Span; message: string; fix: string }> {
  const parts = new Map(
    policy.split(";").map((part) => {
      const [name = "", ...values] = part.trim().split(/\s+/);
      return [name.toLowerCase(), values.map((value) => value.toLowerCase())] as const;
    }),
  );
  const script = parts.get("script-src") ?? parts.get("default-src") ?? [];
  if (
    script.includes("'unsafe-inline'") &&
    !script.some((value) => /^'(?:nonce|sha\d+)-|^'strict-dynamic'/.test(value))
  ) {
    yield {
      span,
      message: "script-src allows 'unsafe-inline': injected scripts run",
      fix: "Move scripts into files, or give them nonces or hashes.",
    };
  }
  const wide = (parts.get("connect-src") ?? []).filter((value) => /^(?:wss?:|https?:|\*)$/.test(value));
  if (wide.length > 0)
    yield {
      span,
      message: `connect-src allows ${wide.join(" ")}: pages may send data to any host`,
      fix: "Name the hosts: `connect-src 'self' wss://stt.example.com`.",
    };
}

function* every(directives: readonly CaddyDirective[]): Generator<CaddyDirective> {
  for (const directive of directives) {
    yield directive;
    if (directive.block) yield* every(directive.block);
  }
}
