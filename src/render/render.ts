import type { ResolvedConfig } from "../config/types.ts";
import { renderCompose } from "./compose/compose.ts";
import { derive } from "../config/derived.ts";
import { renderDocker } from "./compose/docker.ts";
import { RenderError } from "./errors.ts";
import { renderFirewall } from "./firewall.ts";
import { withHeader } from "./header.ts";
import { renderKubernetes } from "./kubernetes/kubernetes.ts";
import { renderCaddy, renderNginx } from "./proxy/proxy.ts";
import { renderSystemd } from "./systemd.ts";
import type { RenderedBody, RenderInput, RenderSource } from "./target.ts";

/** What can be rendered. `all` is every one that the configuration asks for. */
export const RENDER_TARGETS = ["caddy", "nginx", "compose", "kubernetes", "systemd", "docker", "firewall"] as const;
export type RenderTarget = (typeof RENDER_TARGETS)[number];

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
  const { target, proxy } = config.deploy;
  if (target === "kubernetes") return ["kubernetes", "docker"];
  if (target === "compose") return ["compose", "docker", "firewall"];
  return [...(proxy.kind === "none" ? [] : [proxy.kind]), "systemd", "firewall"];
}

// ---

function bodies(input: RenderInput, target: RenderTarget): readonly RenderedBody[] {
  switch (target) {
    case "caddy":
    case "nginx": {
      const { kind } = input.config.deploy.proxy;
      if (kind !== target) {
        throw new RenderError(
          `${target} is not the proxy of this configuration (deploy.proxy.kind is ${kind}). Set deploy.proxy.kind: ${target}.`,
        );
      }
      return target === "caddy" ? renderCaddy(input, "host", "caddy") : renderNginx(input, "host", "nginx");
    }
    case "compose":
      return renderCompose(input, "compose");
    case "kubernetes":
      return renderKubernetes(input, "kubernetes");
    case "systemd":
      return renderSystemd(input, "systemd");
    case "docker":
      return renderDocker(input, "docker");
    case "firewall":
      return renderFirewall(input, "firewall");
  }
}
