import { withOrigin } from "../config/deployment.ts";
import type { ResolvedConfig } from "../config/types.ts";
import type { Derived } from "../config/derived.ts";

/** User of the server inside its image. */
export const APP_UID = 10001;
/** Folder of a mounted model inside the container. */
export const CONTAINER_MODELS = "/models";

/** Folders inside the container that outlive it, each a volume. */
export const CONTAINER_STORE = "/var/lib/gigastt/store";
export const CONTAINER_JOBS = "/var/lib/gigastt/jobs";
export const CONTAINER_ARCHIVE = "/var/lib/gigastt/archive";

/** Returns the volumes with the server's own data, by name. */
export function dataVolumes({ archive, auth, jobs }: ResolvedConfig): Readonly<Record<string, string>> {
  return {
    ...(auth.keys === "required" ? { store: CONTAINER_STORE } : {}),
    ...(jobs.enabled ? { jobs: CONTAINER_JOBS } : {}),
    ...(keepsArchiveFile(archive) ? { archive: CONTAINER_ARCHIVE } : {}),
  };
}

function keepsArchiveFile({ enabled, engine }: ResolvedConfig["archive"]): boolean {
  return enabled && engine === "sqlite";
}

/**
 * Returns the configuration the server inside a container or pod runs with: same limits, but listening for its proxy, trusting exactly
 * its network, answering its public origin and name, with the model where it is mounted.
 */
export function containerConfig(
  config: ResolvedConfig,
  derived: Derived,
  where: {
    readonly trustedCidrs: readonly string[];
    /** Names with a dot under which its network knows it. */
    readonly names: readonly string[];
    readonly mountedModel: boolean;
  },
): ResolvedConfig {
  return {
    ...config,
    server: {
      ...config.server,
      host: "0.0.0.0",
      allowBindAny: true,
      lan: false,
      trustedProxies: where.trustedCidrs,
      allowedOrigins: withOrigin(config.server.allowedOrigins, derived.server.publicOrigin),
      allowedHosts: [
        ...new Set([
          ...config.server.allowedHosts,
          ...(config.deploy.domain === undefined ? [] : [config.deploy.domain]),
          ...where.names,
        ]),
      ],
      keepAliveTimeoutMs: derived.server.keepAliveTimeoutS * 1000,
      headersTimeoutMs: derived.server.headersTimeoutS * 1000,
    },
    wyoming: {
      ...config.wyoming,
      // The container's port is published at the configured address, which was checked.
      ...(config.wyoming.enabled
        ? { host: "0.0.0.0", socket: undefined, allowWithoutKey: config.auth.keys === "required" }
        : {}),
    },
    vosk: { ...config.vosk, ...(config.vosk.enabled ? { host: "0.0.0.0" } : {}) },
    store: { ...config.store, dir: config.auth.keys === "required" ? CONTAINER_STORE : undefined },
    jobs: { ...config.jobs, dir: config.jobs.enabled ? CONTAINER_JOBS : undefined },
    archive: { ...config.archive, dir: keepsArchiveFile(config.archive) ? CONTAINER_ARCHIVE : undefined },
    // The image or the volume holds the weights; a container never downloads any.
    // A folder of this machine means nothing there: without a mount it is the image's own.
    model: { ...config.model, dir: where.mountedModel ? CONTAINER_MODELS : undefined, offline: true },
  };
}
