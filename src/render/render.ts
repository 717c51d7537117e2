import type { ResolvedConfig } from "../config/types.ts";
import { renderCompose } from "./compose/compose.ts";
import { PROXY_RULES } from "../config/rules/proxy.ts";
import { derive } from "../config/derived.ts";
import { renderDocker } from "./compose/docker.ts";
import { RenderError } from "./errors.ts";
import { renderFirewall } from "./firewall.ts";
import { withHeader } from "./header.ts";
import { renderMonitoring } from "./monitoring/files.ts";
import { renderKubernetes } from "./kubernetes/kubernetes.ts";
import { renderCaddy, renderHaproxy, renderNginx } from "./proxy/proxy.ts";
import { renderTraefik } from "./proxy/traefik.ts";
import { renderStore, STORE_TARGETS, type StoreTarget } from "./store/store.ts";
import { renderSystemd } from "./systemd.ts";
import type { RenderedBody, RenderInput, RenderSource } from "./target.ts";

/** The proxies that can be rendered: the values of `deploy.proxy.kind` but `none`. */
export const PROXY_TARGETS = ["caddy", "nginx", "haproxy", "traefik"] as const;
/** What can be rendered. `all` is every one that the configuration asks for. */
export const RENDER_TARGETS: readonly RenderTarget[] = [
  ...PROXY_TARGETS,
  "compose",
  "kubernetes",
  "systemd",
  "docker",
  "firewall",
  "monitoring",
  ...STORE_TARGETS,
];
export type RenderTarget =
  | (typeof PROXY_TARGETS)[number]
  | "compose"
  | "kubernetes"
  | "systemd"
  | "docker"
  | "firewall"
  | "monitoring"
  | StoreTarget;

/** A complete rendered file. */
export interface RenderedFile {
  /** Path below the output folder, forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Renders every file of the targets, sorted by path. Pure: the same configuration gives the same bytes.
 * Throws RenderError when the configuration cannot be expressed for a target.
 */
export function renderFiles(
  config: ResolvedConfig,
  targets: readonly RenderTarget[],
  source: RenderSource,
): readonly RenderedFile[] {
  refuseImpossible(config);
  const input: RenderInput = { config, derived: derive(config) };
  const files = targets
    .flatMap((target) => bodies(input, target))
    .map((body) => ({
      path: body.path,
      text: withHeader(body, source),
      mode: body.mode ?? 0o644,
    }));
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Returns the targets `all` means: the place where it runs, its proxy, and what belongs to the machine. */
export function targetsOf(config: ResolvedConfig): readonly RenderTarget[] {
  const { target, proxy, monitoring } = config.deploy;
  if (target === "kubernetes") return ["kubernetes", "docker"];
  if (target === "compose") return ["compose", "docker", "firewall"];
  return [
    ...(proxy.kind === "none" ? [] : [proxy.kind]),
    "systemd",
    "firewall",
    ...(monitoring ? (["monitoring"] as const) : []),
  ];
}

// ---

function bodies(input: RenderInput, target: RenderTarget): readonly RenderedBody[] {
  switch (target) {
    case "caddy":
    case "nginx":
    case "haproxy":
    case "traefik":
      return proxyBodies(input, target);
    case "compose":
      if (input.config.deploy.proxy.kind === "haproxy" || input.config.deploy.proxy.kind === "traefik")
        throw new RenderError(
          `compose is rendered with Caddy or nginx (deploy.proxy.kind is ${input.config.deploy.proxy.kind}). Set deploy.proxy.kind: caddy or nginx.`,
        );
      return renderCompose(input, "compose");
    case "kubernetes":
      return renderKubernetes(input, "kubernetes");
    case "systemd":
      return renderSystemd(input, "systemd");
    case "docker":
      return renderDocker(input, "docker");
    case "firewall":
      return renderFirewall(input, "firewall");
    case "monitoring":
      return renderMonitoring(input, "host", "monitoring");
    case "casaos":
    case "umbrel":
    case "unraid":
    case "truenas":
    case "portainer":
      return renderStore(input, target);
  }
}

function proxyBodies(input: RenderInput, target: (typeof PROXY_TARGETS)[number]): readonly RenderedBody[] {
  const { kind } = input.config.deploy.proxy;
  if (kind !== target) {
    throw new RenderError(
      `${target} is not the proxy of this configuration (deploy.proxy.kind is ${kind}). Set deploy.proxy.kind: ${target}.`,
    );
  }
  switch (target) {
    case "caddy":
      return renderCaddy(input, "host", target);
    case "nginx":
      return renderNginx(input, "host", target);
    case "haproxy":
      return renderHaproxy(input, target);
    case "traefik":
      return renderTraefik(input, target);
  }
}

/** Refuses what the proxy of the configuration cannot do. */
function refuseImpossible(config: ResolvedConfig): void {
  for (const { keys, check } of PROXY_RULES) {
    const problem = check(config, { cores: 1 });
    if (problem !== undefined)
      throw new RenderError(`${keys[0]} ${problem.rule}, got ${problem.found}. Cure: ${problem.cure}.`);
  }
}
