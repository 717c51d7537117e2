import type { Hit, Rule } from "../../types.ts";
import { parseBytes, parseDurationMs } from "../../../shared/units.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { parseYaml, yamlAt, yamlEntrySpan, yamlKey, yamlStrings, yamlText } from "../../parse/yaml.ts";
import type { Facts } from "../../model/facts.ts";
import { isConfigText } from "../../model/embedded-config.ts";
import { hasProxy } from "../../model/facts.ts";
import { isEveryone, isLoopbackHost } from "../../model/address.ts";
import { createSource } from "../../source.ts";
import type { Span } from "../../source.ts";

/** What a rendering changes for a container: everything else must stay as it was written. */
const OWN =
  /^(?:server\.(?:host|allowBindAny|lan|trustedProxies|allowedOrigins|allowedHosts|keepAliveTimeout|headersTimeout)|model\.(?:dir|offline)|(?:store|jobs|archive)\.dir|jobs\.(?:engine|blobs|redis\.(?:url|passwordFile|caFile)|s3\.(?:endpoint|accessKey|secretKeyFile))|archive\.(?:engine|postgres\.(?:url|passwordFile|tls|caFile))|deploy(?:\..+)?|audit(?:\..+)?)$/;

export const rule: Rule = {
  id: "GA-DRF-003",
  severity: "error",
  confidence: "certain",
  title: "The copy of the config that a container reads differs from the config",
  why: "Compose and Kubernetes mount a copy of the config, made for a server behind its proxy. All other files were derived from the config outside. The server uses the limit, timeout or drain of the copy, while the proxy was configured with the other value. A copy that listens on loopback, trusts no proxy or lacks the public origin does not work behind one.",
  evidence: ["The renderer's own table: docs/reference/render.md."],
  reads: ["config", "compose", "kubernetes"],
  fixKind: "manual",
  *check(facts) {
    const main = facts.configSource;
    for (const file of facts.files) {
      if (file.kind !== "config" || file.source === main || !main) continue;
      const copy = parseYaml(file.source).documents[0];
      if (copy) yield* compare(facts, copy, (span) => span);
    }
    for (const object of facts.kube) {
      if (object.kind !== "ConfigMap" || !main) continue;
      for (const [name, entry] of yamlAt(object.node, "data")?.entries ?? new Map<string, never>()) {
        if (!isConfigText(name, entry.value.text)) continue;
        const copy = parseYaml(createSource(object.node.source.path, entry.value.text)).documents[0];
        if (copy) yield* compare(facts, copy, (span) => inBlock(entry.value, span));
      }
    }
  },
};

function* compare(facts: Facts, copy: YamlNode, place: (span: Span) => Span): Generator<Hit> {
  for (const { path, node, span } of leaves(copy, [])) {
    const key = path.join(".");
    if (OWN.test(key)) continue;
    const original = yamlAt(facts.config, ...path);
    if (original === undefined || plain(original) === plain(node)) continue;
    const from = yamlEntrySpan(yamlAt(facts.config, ...path.slice(0, -1)), path.at(-1) ?? "");
    yield {
      span: place(span),
      message: `${key} is ${shown(node)} in this copy and ${shown(original)} in the config that everything else was derived from`,
      fix: "Change the config and run `gigastt render`.",
      related: from ? [{ span: from, message: "the config says" }] : [],
    };
  }
  const server = yamlAt(copy, "server");
  const at = (key: string): Span => place(yamlEntrySpan(server, key) ?? yamlKey(copy, "server") ?? copy);
  const host = yamlText(yamlAt(server, "host"));
  if (host === undefined || isLoopbackHost(host))
    yield {
      span: at("host"),
      message: `the server listens on ${host ?? "127.0.0.1 (default)"} inside its container: no proxy reaches it`,
      fix: "Write `host: 0.0.0.0` and `allowBindAny: true` in the copy, as `gigastt render` does.",
    };
  else if (yamlText(yamlAt(server, "allowBindAny")) !== "true")
    yield {
      span: at("allowBindAny"),
      message: `the server refuses to listen on ${host} without allowBindAny: it does not start`,
      fix: "Write `allowBindAny: true` in the copy, as `gigastt render` does.",
    };
  const kept = yamlText(yamlAt(server, "keepAliveTimeout"));
  const keptMs = kept === undefined ? undefined : parseDurationMs(kept);
  if (keptMs !== undefined && keptMs < facts.assume.number("server.keepAliveTimeout"))
    yield {
      span: at("keepAliveTimeout"),
      message: `keepAliveTimeout is ${kept} in this copy, shorter than in the config: the proxy reuses connections that the server is closing`,
      fix: "Change the config and run `gigastt render`.",
      related: facts.assume.related("server.keepAliveTimeout"),
    };
  const trusted = yamlStrings(yamlAt(server, "trustedProxies"));
  const everyone = trusted.find((item) => isEveryone(item.text));
  if (everyone)
    yield {
      span: place(everyone.node),
      message: `trustedProxies contains ${everyone.text}: every client can set its own address`,
      fix: "Name the network of the proxy.",
    };
  const expects =
    hasProxy(facts) || facts.kube.some((object) => object.kind === "HTTPRoute" || object.kind === "Ingress");
  if (trusted.length === 0 && expects)
    yield {
      span: at("trustedProxies"),
      message: "the copy trusts no proxy: all clients share one address, one rate limit and one line of the log",
      fix: "List the proxy's network in server.trustedProxies.",
    };
  const domain = facts.assume.text("deploy.domain");
  if (domain === undefined || !expects) return;
  const origins = yamlStrings(yamlAt(server, "allowedOrigins")).map((item) => item.text.toLowerCase());
  if (!origins.some((origin) => origin.includes(`://${domain.toLowerCase()}`)))
    yield {
      span: at("allowedOrigins"),
      message: `the copy does not allow the origin of ${domain}: its pages get 403`,
      fix: `Add "https://${domain}" to server.allowedOrigins.`,
      related: facts.assume.related("deploy.domain"),
    };
  const hosts = yamlStrings(yamlAt(server, "allowedHosts")).map((item) => item.text.toLowerCase());
  if (hosts.length > 0 && !hosts.includes(domain.toLowerCase()))
    yield {
      span: at("allowedHosts"),
      message: `the copy does not allow the host name ${domain}: requests for it are refused`,
      fix: `Add "${domain}" to server.allowedHosts.`,
      related: facts.assume.related("deploy.domain"),
    };
}

function* leaves(
  node: YamlNode,
  path: readonly string[],
): Generator<{ readonly path: readonly string[]; readonly node: YamlNode; readonly span: Span }> {
  for (const [key, entry] of node.entries) {
    const here = [...path, key];
    if (entry.value.kind === "map") yield* leaves(entry.value, here);
    else yield { path: here, node: entry.value, span: yamlEntrySpan(node, key) ?? entry.value };
  }
}

/** A value without its spelling: `5m` and `300s` are one. */
function plain(node: YamlNode): string {
  if (node.kind === "seq") return node.items.map((item) => plain(item)).join(", ");
  return String(parseDurationMs(node.text) ?? parseBytes(node.text) ?? node.text);
}

function shown(node: YamlNode): string {
  return node.kind === "seq" ? `[${node.items.map((item) => item.text).join(", ")}]` : node.text;
}

/** The line of the manifest on which a line of its block scalar stands. */
function inBlock(block: YamlNode, span: Span): Span {
  const { source } = block;
  const line = span.source.text.slice(0, span.start).split("\n").length;
  let at = source.text.indexOf("\n", block.start) + 1;
  for (let i = 1; i < line && at > 0; i += 1) at = source.text.indexOf("\n", at) + 1;
  const end = source.text.indexOf("\n", at);
  const text = source.text.slice(at, end === -1 ? undefined : end);
  const indent = text.length - text.trimStart().length;
  return { source, start: at + indent, end: at + text.length };
}
