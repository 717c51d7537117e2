import type { Hit, Rule } from "../../types.ts";
import type { CaddyArg, CaddyDirective } from "../../parse/caddyfile-tree.ts";
import { caddyHead, children } from "../../model/caddy.ts";
import { isEveryone } from "../../model/address.ts";
import { addCaddy, removeLines, replace } from "../kit/edits.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import type { Facts } from "../../model/facts.ts";
import { isInnerCaddy } from "../kit/inner-proxy.ts";

export const rule: Rule = {
  id: "GA-XFF-004",
  severity: "error",
  confidence: "certain",
  title: "Caddy trusts proxies and keeps the X-Forwarded-For they relay",
  why: "With trusted_proxies Caddy appends to an X-Forwarded-For that comes from those addresses. private_ranges covers the Docker bridge and every neighbour on the LAN, so a forged header gets through wherever connections are relayed by a gateway.",
  evidence: [
    "Tried on Caddy 2.6.2: `trusted_proxies private_ranges` and a loopback peer give the server `6.6.6.6, 127.0.0.1`; an explicit header_up overwrites it again.",
    "caddyserver/caddy-docker#406",
  ],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "unsafe",
  *check(facts) {
    for (const point of facts.caddyPoints) {
      for (const trusted of children(point.proxy, "trusted_proxies")) yield* judge(facts, trusted, [point]);
    }
    for (const point of facts.caddyPoints) {
      for (const header of children(point.proxy, "header_up")) {
        const name = header.args[0]?.value ?? "";
        const value = header.args[1];
        if (!/^\+?x-forwarded-for$/i.test(name) || !value) continue;
        const copied = /\{(?:http\.request\.header\.|header\.)x-forwarded-for\}/i.test(value.value);
        if (!copied && !name.startsWith("+")) continue;
        yield {
          span: caddyHead(header),
          message: copied
            ? "header_up passes the client's own X-Forwarded-For on: it can write any address into it"
            : "header_up +X-Forwarded-For adds to what is there instead of replacing it",
          fix: "Write `header_up X-Forwarded-For {remote_host}` (behind a CDN `{client_ip}`).",
          edits: point.file.source.path.endsWith(".json")
            ? []
            : [
                replace(
                  { source: header.source, start: header.args[0]?.start ?? value.start, end: value.end },
                  "X-Forwarded-For {remote_host}",
                ),
              ],
        };
      }
    }
    for (const file of facts.caddy) {
      const points = facts.caddyPoints.filter((point) => point.file === file);
      for (const servers of file.options.filter((option) => option.name === "servers")) {
        for (const trusted of children(servers, "trusted_proxies"))
          if (points.length > 0) yield* judge(facts, trusted, points);
      }
    }
  },
};

function* judge(facts: Facts, trusted: CaddyDirective, points: readonly CaddyPoint[]): Generator<Hit> {
  const range = (argument: CaddyArg): boolean => argument.value !== "static" && argument.value !== "cdn";
  const ranges = trusted.args.map((argument) => argument.value);
  const everyone = ranges.find((range) => isEveryone(range));
  const open = points.find((point) => overwrite(point) === undefined);
  const weak = ranges.includes("private_ranges") && points.some((point) => overwrite(point) !== "remote_host");
  if (everyone === undefined && !open && !weak) return;
  // Only the proxy in front of it reaches this one: that is the private address which it trusts.
  if (everyone === undefined && points.every((point) => isInnerCaddy(facts, point))) return;
  const reason =
    everyone !== undefined
      ? `trusted_proxies contains ${everyone}: every client is trusted`
      : weak
        ? "trusted_proxies private_ranges trusts every private address, the container gateway included"
        : "trusted_proxies is set, and no header_up overwrites X-Forwarded-For: what a trusted peer relays is passed on";
  yield {
    span: caddyHead(trusted),
    message: reason,
    fix: "Name the CDN's ranges (`trusted_proxies static 203.0.113.0/24` with trusted_proxies_strict) and add `header_up X-Forwarded-For {client_ip}`; without a CDN remove trusted_proxies and add `header_up X-Forwarded-For {remote_host}`.",
    edits: points.some((point) => point.file.source.path.endsWith(".json"))
      ? []
      : [
          // No proxy left to trust: the line goes. Else the proxy names the one client that the trusted ones saw.
          ...(everyone !== undefined && trusted.args.filter(range).length === 1 ? [removeLines(trusted)] : []),
          ...points
            .filter((point) => overwrite(point) === undefined)
            .slice(0, 1)
            .map((point) => addCaddy(point.proxy, "header_up X-Forwarded-For {remote_host}")),
        ],
    related:
      open && open.proxy !== trusted
        ? [{ span: caddyHead(open.proxy), message: "this proxy passes the header on" }]
        : [],
  };
}

function overwrite(point: CaddyPoint): "remote_host" | "client_ip" | undefined {
  for (const header of children(point.proxy, "header_up")) {
    if (header.args[0]?.value.toLowerCase() !== "x-forwarded-for") continue;
    const value = header.args[1]?.value ?? "";
    if (/^\{(?:remote_host|http\.request\.remote\.host)\}$/.test(value)) return "remote_host";
    if (/^\{(?:client_ip|http\.vars\.client_ip)\}$/.test(value)) return "client_ip";
  }
  return undefined;
}
