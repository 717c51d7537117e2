import type { CaddyFile } from "../parse/caddyfile-tree.ts";
import type { YamlNode } from "../parse/yaml.ts";
import { yamlAt } from "../parse/yaml.ts";
import type { Span } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { joinPath } from "../tree.ts";
import type { ComposeProject } from "./compose.ts";
import type { NginxRoot, NginxScope } from "./nginx.ts";
import { allScopes, arg, headSpan, ownAll } from "./nginx.ts";

/** A file that an audited one reads and that is not among the audited ones. */
export interface MissingPart {
  readonly span: Span;
  /** As the file names it. */
  readonly target: string;
}

/** Keys and passwords stay outside an audited tree on purpose. */
const SECRET = /(?:^|\/)(?:secrets?\/|(?:keys|users)\.caddy$|keys\.map$|users\.htpasswd$)/;

/** Types, modules, CGI variables and the TLS settings that certbot ships: known, and nothing in them about the server. GA-XFF-001 knows what Debian's proxy_params holds. */
const HARMLESS =
  /(?:^|\/)(?:modules-enabled\/.*|mime\.types|proxy_params|(?:fastcgi|scgi|uwsgi)(?:_params|\.conf|-php\.conf)|options-ssl-nginx\.conf|koi-(?:utf|win)|win-utf)$/;

/** Names of includes that hold certificates, protocols, logs and the like. */
const OTHER_TOPIC = /(?:ssl|tls|cert|acme|letsencrypt|exploits|gzip|security|logs?)\b/i;

/** Whether an include that was not read could set how requests are passed on from here. */
export function mayHoldMore(scope: NginxScope): boolean {
  for (let at: NginxScope | undefined = scope; at; at = at.parent)
    if (at.missing.some((include) => !HARMLESS.test(arg(include, 0)) && !OTHER_TOPIC.test(arg(include, 0))))
      return true;
  return false;
}

/** Returns what the audited files include, import or extend and the audit has not seen. Fragments of a guide are left out. */
export function missingParts(
  nginx: readonly NginxRoot[],
  caddy: readonly CaddyFile[],
  compose: readonly ComposeProject[],
  tree: FileTree,
  settings: readonly MissingPart[],
): readonly MissingPart[] {
  const found: MissingPart[] = [...settings];
  for (const root of nginx) {
    const scopes = [...allScopes(root.main)];
    const includes = scopes.flatMap((scope) => scope.missing);
    // A pattern may match nothing; without any server it is where the servers are.
    const blind = scopes.every((scope) => scope.kind !== "server" && ownAll(scope, "proxy_pass").length === 0);
    for (const include of [...includes, ...(blind ? root.emptyIncludes : [])])
      if (!HARMLESS.test(arg(include, 0))) found.push({ span: headSpan(include), target: arg(include, 0) });
  }
  for (const file of caddy)
    // A pattern may match nothing; without any site it is where the sites are.
    for (const span of [...file.missingImports, ...(file.sites.length === 0 ? file.emptyImports : [])])
      found.push({ span, target: span.source.text.slice(span.start, span.end).replace(/^["`]|["`]$/g, "") });
  for (const project of compose) {
    const extended = project.services.map((service) => yamlAt(service.node, "extends", "file"));
    const included = (yamlAt(project.root, "include")?.items ?? []).flatMap(
      (item): readonly (YamlNode | undefined)[] => {
        const path = item.kind === "map" ? yamlAt(item, "path") : item;
        return path?.kind === "seq" ? path.items : [path];
      },
    );
    for (const node of [...extended, ...included]) {
      const target = project.text(node);
      if (node && target !== undefined && !tree.exists(joinPath(project.folder, target)))
        found.push({ span: node, target });
    }
  }
  const seen = new Set<string>();
  return found.filter(({ span, target }) => {
    const key = `${span.source.path}\0${span.start}`;
    if (seen.has(key) || SECRET.test(target) || /\.(?:md|markdown)$/i.test(span.source.path)) return false;
    seen.add(key);
    return true;
  });
}
