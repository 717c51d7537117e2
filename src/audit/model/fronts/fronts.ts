import { parseApache, parseHaproxy } from "../../parse/directives.ts";
import { parseYaml, yamlAt, yamlText } from "../../parse/yaml.ts";
import type { ParseProblem } from "../../parts.ts";
import type { Source, Span } from "../../source.ts";
import type { FileTree } from "../../tree.ts";
import { dirName } from "../../tree.ts";
import type { App } from "../app.ts";
import { imageName } from "../app.ts";
import type { ComposeService } from "../compose.ts";
import { commandWords } from "../compose.ts";
import type { KubeObject } from "../kubernetes.ts";
import type { MissingPart } from "../missing.ts";
import type { NginxRoot } from "../nginx.ts";
import { apacheFronts } from "./apache.ts";
import type { Front } from "./front.ts";
import { haproxyFronts } from "./haproxy.ts";
import { streamFronts } from "./nginx-stream.ts";
import { reachedThrough } from "./published.ts";
import { fileSettings, isTraefik, objectSettings, serviceSettings, type TraefikSetting } from "./traefik-settings.ts";
import { traefikFronts } from "./traefik.ts";
import { cloudflaredFronts, tailscaleFronts } from "./tunnels.ts";

/** The kinds of files that lead to fronts other than nginx and Caddy. */
export const FRONT_KINDS = ["haproxy", "apache", "traefik", "cloudflared", "tailscale"] as const;
export type FrontKind = (typeof FRONT_KINDS)[number];

export interface Fronts {
  readonly fronts: readonly Front[];
  readonly problems: readonly ParseProblem[];
  /** What these files read and the audit has not seen. */
  readonly missing: readonly MissingPart[];
}

/** Reads every file of these kinds, and what compose services say about them. */
export function buildFronts(options: {
  readonly of: (kind: FrontKind) => readonly Source[];
  readonly services: readonly ComposeService[];
  readonly app: App;
  readonly tree: FileTree;
  readonly nginx: readonly NginxRoot[];
  readonly kube: readonly KubeObject[];
}): Fronts {
  const { of, services, app, tree, nginx, kube } = options;
  const problems: ParseProblem[] = [];
  const keep = <T extends { readonly problems: readonly ParseProblem[] }>(parsed: T): T => {
    problems.push(...parsed.problems);
    return parsed;
  };
  const trees = (kind: FrontKind) => of(kind).flatMap((source) => keep(parseYaml(source)).documents);
  const settings = [
    ...trees("traefik").flatMap((root) => fileSettings(root)),
    ...services.flatMap(serviceSettings),
    ...kube.flatMap(objectSettings),
  ];
  const major = services.filter(isTraefik).map(({ image }) => /:v?(\d+)/.exec(image)?.[1])[0];
  return {
    fronts: [
      ...nginx.flatMap((root) => streamFronts(root, app.isUpstream)),
      ...of("haproxy").flatMap((source) =>
        haproxyFronts(keep(parseHaproxy(source)), app.isUpstream, reachedThrough(services, /^haproxy/)),
      ),
      ...of("apache").flatMap((source) => apacheFronts(keep(parseApache(source)), app.isUpstream)),
      ...traefikFronts(
        settings,
        app.isUpstream,
        ({ owner }) => owner !== undefined && app.isService(owner),
        major === undefined ? undefined : Number(major),
        reachedThrough(services, /^traefik$/),
      ),
      ...trees("cloudflared").flatMap((config) => cloudflaredFronts(config, app.isUpstream)),
      ...trees("tailscale").flatMap((config) => tailscaleFronts(config, app.isUpstream)),
    ],
    problems,
    missing: [...missingDynamic(settings, tree), ...missingTunnels(services), ...missingLabels(services)],
  };
}

// ---

/** The static file names the dynamic ones. */
function missingDynamic(settings: readonly TraefikSetting[], tree: FileTree): readonly MissingPart[] {
  return settings
    .filter(({ key }) => key === "providers.file.filename")
    .filter(({ value, span }) => tree.resolve(value, [dirName(span.source.path)]).length === 0)
    .map(({ value, span }) => ({ span, target: value }));
}

/** caddy-docker-proxy makes a Caddyfile of labels: its own output can be audited. */
function missingLabels(services: readonly ComposeService[]): readonly MissingPart[] {
  return services.flatMap((service): readonly MissingPart[] => {
    const labels = yamlAt(service.node, "labels");
    const names = [...(labels?.entries.keys() ?? []), ...(labels?.items ?? []).map((item) => yamlText(item) ?? "")];
    const isCaddy = names.some((name) => /^caddy(?:_\d+)?(?:[.=]|$)/.test(name));
    return isCaddy ? [{ span: service.nameSpan, target: "the Caddyfile that caddy-docker-proxy makes of labels" }] : [];
  });
}

/** A tunnel that runs by a token has its routes at Cloudflare. */
function missingTunnels(services: readonly ComposeService[]): readonly MissingPart[] {
  return services.flatMap((service): readonly MissingPart[] => {
    if (imageName(service.image) !== "cloudflared") return [];
    const { words } = commandWords(yamlAt(service.node, "command"));
    const environment = yamlAt(service.node, "environment");
    const token =
      words.includes("--token") ||
      environment?.entries.has("TUNNEL_TOKEN") === true ||
      (environment?.items ?? []).some((item) => yamlText(item)?.startsWith("TUNNEL_TOKEN") === true);
    const span: Span = service.nameSpan;
    return token ? [{ span, target: "the tunnel's configuration at Cloudflare" }] : [];
  });
}
