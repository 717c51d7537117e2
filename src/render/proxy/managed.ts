import type { ResolvedConfig } from "../../config/types.ts";
import { derive } from "../../config/derived.ts";
import { RenderError } from "../errors.ts";
import { withHeader } from "../header.ts";
import { renderCaddy, renderNginx } from "./proxy.ts";
import type { RenderedFile } from "../render.ts";
import type { ManagedPlace, RenderInput, RenderSource } from "../target.ts";

/** What the proxy's own binary said about itself; undefined = it does not know. */
export interface ProxyBuild {
  readonly version: string | undefined;
  /** nginx: the OpenSSL it runs with. */
  readonly openssl: string | undefined;
}

/**
 * Renders the files of a proxy that runs as a child of the supervisor, for the build that will read them. Paths are names in
 * `place.configDir`. Pure. Throws RenderError when the configuration has no proxy or cannot be expressed for the build.
 */
export function renderManagedProxy(
  config: ResolvedConfig,
  build: ProxyBuild,
  place: ManagedPlace,
  source: RenderSource,
): readonly RenderedFile[] {
  const { proxy } = config.deploy;
  const fitted: ResolvedConfig = {
    ...config,
    deploy: {
      ...config.deploy,
      proxy: {
        ...proxy,
        version: build.version ?? proxy.version,
        opensslVersion: build.openssl ?? proxy.opensslVersion,
      },
    },
  };
  const input: RenderInput = { config: fitted, derived: derive(fitted), managed: place };
  if (proxy.kind === "none") throw new RenderError("deploy.proxy.kind is none: there is no proxy to render for.");
  const bodies = proxy.kind === "caddy" ? renderCaddy(input, "managed", ".") : renderNginx(input, "managed", ".");
  return bodies.map((body) => ({
    path: body.path.replace("../", ""),
    text: withHeader(body, source),
    mode: 0o600,
  }));
}
