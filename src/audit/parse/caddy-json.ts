import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { CaddyArg, CaddyDirective, CaddyFile, CaddySite } from "./caddyfile-tree.ts";
import type { YamlNode } from "./yaml.ts";
import { parseYaml, yamlAt, yamlEntrySpan, yamlKey, yamlStrings, yamlText } from "./yaml.ts";

/** Reads Caddy's JSON and gives it the shape of a Caddyfile, so that the same rules read both. Positions are of the JSON. */
export function parseCaddyJson(source: Source): CaddyFile {
  const parsed = parseYaml(source);
  const root = parsed.documents[0];
  const options: CaddyDirective[] = [];
  const sites: CaddySite[] = [];
  const http = yamlAt(root, "apps", "http");
  const listen = yamlText(yamlAt(root, "admin", "listen"));
  const disabled = yamlAt(root, "admin", "disabled");
  if (disabled && disabled.value === true) options.push(directive(disabled, "admin", [argOf(disabled, "off")]));
  else if (listen !== undefined) options.push(...scalar("admin", yamlAt(root, "admin", "listen")));
  options.push(...duration("grace_period", yamlAt(http, "grace_period")));
  for (const [, server] of yamlAt(http, "servers")?.entries ?? []) {
    const serverOptions = serverBlock(server.value);
    if (serverOptions.length > 0) options.push(directive(server.key, "servers", [], serverOptions));
    const addresses = yamlStrings(yamlAt(server.value, "listen")).map((item) => argOf(item.node, item.text));
    sites.push(...routeSites(yamlAt(server.value, "routes"), addresses, server.value));
  }
  return { source, options, sites, comments: [], problems: parsed.problems, missingImports: [], emptyImports: [] };
}

// ---

function routeSites(routes: YamlNode | undefined, addresses: readonly CaddyArg[], server: YamlNode): CaddySite[] {
  const sites: CaddySite[] = [];
  const rest: CaddyDirective[] = [];
  for (const route of routes?.items ?? []) {
    const hosts = (yamlAt(route, "match")?.items ?? []).flatMap((match) => yamlStrings(yamlAt(match, "host")));
    const directives = handlers(yamlAt(route, "handle"), 0);
    if (hosts.length > 0)
      sites.push({ ...spanOf(route), addresses: hosts.map((host) => argOf(host.node, host.text)), directives });
    else rest.push(...routeDirectives(route, 0));
  }
  if (rest.length > 0) sites.push({ ...spanOf(server), addresses, directives: rest });
  return sites;
}

function routeDirectives(route: YamlNode, depth: number): CaddyDirective[] {
  const inner = handlers(yamlAt(route, "handle"), depth);
  const paths = (yamlAt(route, "match")?.items ?? []).flatMap((match) => yamlStrings(yamlAt(match, "path")));
  const first = paths[0];
  if (!first) return inner;
  return paths.map((path) => directive(route, "handle", [argOf(path.node, path.text)], inner));
}

function handlers(list: YamlNode | undefined, depth: number): CaddyDirective[] {
  if (depth > 50) return [];
  return (list?.items ?? []).flatMap((handler): CaddyDirective[] => {
    const kind = yamlText(yamlAt(handler, "handler"));
    if (kind === "subroute") {
      const blocks = (yamlAt(handler, "routes")?.items ?? []).flatMap((route) => routeDirectives(route, depth + 1));
      return yamlAt(handler, "routes") ? blocks : [];
    }
    if (kind === "reverse_proxy") return [proxyDirective(handler)];
    if (kind === "encode") {
      const names = [...(yamlAt(handler, "encodings")?.entries.keys() ?? [])];
      return [
        directive(
          handler,
          "encode",
          names.map((name) => argOf(handler, name)),
        ),
      ];
    }
    if (kind === "request_body")
      return [directive(handler, "request_body", [], scalar("max_size", yamlAt(handler, "max_size")))];
    if (kind === "authentication") {
      const accounts = yamlAt(handler, "providers", "http_basic", "accounts")?.items ?? [];
      return [
        directive(
          handler,
          "basic_auth",
          [],
          accounts.map((account) =>
            directive(account, yamlText(yamlAt(account, "username")) ?? "", [
              argOf(yamlAt(account, "password") ?? account, yamlText(yamlAt(account, "password")) ?? ""),
            ]),
          ),
        ),
      ];
    }
    if (kind === "headers") return [directive(handler, "header", [], headerOps(yamlAt(handler, "response")))];
    if (kind === "static_response") return [directive(handler, "respond", [])];
    if (kind === "file_server") return [directive(handler, "file_server", [])];
    return kind === undefined ? [] : [directive(handler, kind, [])];
  });
}

function proxyDirective(handler: YamlNode): CaddyDirective {
  const block: CaddyDirective[] = [];
  const upstreams = (yamlAt(handler, "upstreams")?.items ?? []).map((item) => yamlAt(item, "dial"));
  const transport = yamlAt(handler, "transport");
  const inner: CaddyDirective[] = [];
  const versions = yamlAt(transport, "versions");
  if (versions)
    inner.push(
      directive(
        versions,
        "versions",
        yamlStrings(versions).map((item) => argOf(item.node, item.text)),
      ),
    );
  inner.push(...duration("keepalive", yamlAt(transport, "keep_alive", "idle_timeout")));
  for (const key of ["response_header_timeout", "read_timeout", "write_timeout"])
    inner.push(...duration(key, yamlAt(transport, key)));
  if (transport) block.push(directive(transport, "transport", [argOf(transport, "http")], inner));
  for (const [name, operations] of [
    ["header_up", yamlAt(handler, "headers", "request")],
    ["header_down", yamlAt(handler, "headers", "response")],
  ] as const) {
    for (const operation of headerOps(operations))
      block.push({ ...operation, name, args: [argOf(operation, operation.name), ...operation.args] });
  }
  const trusted = yamlAt(handler, "trusted_proxies");
  if (trusted)
    block.push(
      directive(
        trusted,
        "trusted_proxies",
        yamlStrings(trusted).map((item) => argOf(item.node, item.text)),
      ),
    );
  for (const key of ["stream_timeout", "stream_close_delay", "flush_interval"])
    block.push(...duration(key, yamlAt(handler, key)));
  return directive(
    handler,
    "reverse_proxy",
    upstreams.flatMap((dial) => (dial ? [argOf(dial, yamlText(dial) ?? "")] : [])),
    block,
  );
}

function headerOps(operations: YamlNode | undefined): CaddyDirective[] {
  const out: CaddyDirective[] = [];
  for (const [prefix, key] of [
    ["", "set"],
    ["+", "add"],
  ] as const) {
    for (const [name, entry] of yamlAt(operations, key)?.entries ?? []) {
      const values = yamlStrings(entry.value).map((item) =>
        argOf(item.node, item.text.replaceAll("{http.request.remote.host}", "{remote_host}")),
      );
      out.push(directive(entry.key, `${prefix}${name}`, values));
    }
  }
  for (const item of yamlStrings(yamlAt(operations, "delete"))) out.push(directive(item.node, `-${item.text}`, []));
  return out;
}

function serverBlock(server: YamlNode): CaddyDirective[] {
  const out: CaddyDirective[] = [];
  const trusted = yamlAt(server, "trusted_proxies");
  if (trusted) {
    const ranges = yamlStrings(yamlAt(trusted, "ranges"));
    const args = [
      argOf(trusted, yamlText(yamlAt(trusted, "source")) ?? "static"),
      ...ranges.map((item) => argOf(item.node, item.text)),
    ];
    out.push(directive(yamlEntrySpan(server, "trusted_proxies") ?? trusted, "trusted_proxies", args));
  }
  const strict = yamlKey(server, "trusted_proxies_strict");
  if (strict) out.push(directive(strict, "trusted_proxies_strict", []));
  const timeouts = [
    ...duration("read_body", yamlAt(server, "read_timeout")),
    ...duration("read_header", yamlAt(server, "read_header_timeout")),
    ...duration("write", yamlAt(server, "write_timeout")),
    ...duration("idle", yamlAt(server, "idle_timeout")),
  ];
  if (timeouts.length > 0) out.push(directive(server, "timeouts", [], timeouts));
  return out;
}

/** JSON durations are nanoseconds or Go strings. */
function duration(name: string, node: YamlNode | undefined): CaddyDirective[] {
  if (!node) return [];
  const text =
    typeof node.value === "number" ? (node.value === -1 ? "-1" : `${node.value / 1e9}s`) : (yamlText(node) ?? "");
  return [directive(node, name, [argOf(node, text)])];
}

function scalar(name: string, node: YamlNode | undefined): CaddyDirective[] {
  return node ? [directive(node, name, [argOf(node, yamlText(node) ?? "")])] : [];
}

function argOf(span: Span, value: string): CaddyArg {
  return { ...spanOf(span), value, quote: "" };
}

function spanOf(span: Span): Span {
  return { source: span.source, start: span.start, end: span.end };
}

function directive(
  span: Span,
  name: string,
  args: readonly CaddyArg[],
  block?: readonly CaddyDirective[],
): CaddyDirective {
  const { line, column } = positionAt(span.source, span.start);
  return {
    ...spanOf(span),
    name,
    nameSpan: { source: span.source, start: span.start, end: Math.min(span.end, span.start + 1) },
    line,
    column,
    endLine: positionAt(span.source, Math.max(span.start, span.end - 1)).line,
    args,
    ...(block ? { block } : {}),
  };
}
