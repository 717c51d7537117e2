import type { ResolvedConfig } from "../../config/types.ts";
import type { Manifest } from "./object.ts";

/** Where pods find the passwords of the stores that they share. */
const FILES = "/run/stores";

/** Returns true when pods keep jobs or an archive in servers of their cluster or outside of it. */
export function hasStores({ jobs, archive }: Pick<ResolvedConfig, "jobs" | "archive">): boolean {
  return jobs.enabled || archive.enabled;
}

/** Returns the configuration of pods: passwords and authorities are where the Secret is mounted, whatever their place is elsewhere. */
export function withClusterStores(config: ResolvedConfig): ResolvedConfig {
  const { jobs, archive } = config;
  const at = (file: string | undefined, name: string): string | undefined =>
    file === undefined ? undefined : `${FILES}/${name}`;
  return {
    ...config,
    jobs: {
      ...jobs,
      redis: {
        ...jobs.redis,
        passwordFile: at(jobs.redis.passwordFile, REDIS_PASSWORD),
        caFile: at(jobs.redis.caFile, "redis_ca.pem"),
      },
      s3: { ...jobs.s3, secretKeyFile: at(jobs.s3.secretKeyFile, S3_SECRET_KEY) },
    },
    archive: {
      ...archive,
      postgres: {
        ...archive.postgres,
        passwordFile: at(archive.postgres.passwordFile, POSTGRES_PASSWORD),
        caFile: at(archive.postgres.caFile, POSTGRES_CA),
      },
    },
  };
}

/** Returns true when jobs may have a callback_url. */
export function sendsCallbacks({ enabled, callbackSecret }: ResolvedConfig["jobs"]): boolean {
  return enabled && callbackSecret !== undefined;
}

/** Keys of the Secret. */
export const CALLBACK_SECRET = "callback_secret";
export const REDIS_PASSWORD = "redis_password";
export const S3_SECRET_KEY = "s3_secret_key";
export const POSTGRES_PASSWORD = "postgres_password";
export const POSTGRES_CA = "postgres_ca.pem";

/** Without the Secret the pods wait. */
export function storesVolume(config: ResolvedConfig): Manifest {
  return { name: "stores", secret: { secretName: config.deploy.kubernetes.storesSecret, defaultMode: 0o440 } };
}

export const STORES_MOUNT: Manifest = { name: "stores", mountPath: FILES, readOnly: true };

/** Ports of the stores, each once. */
export function storePorts({ jobs, archive }: Pick<ResolvedConfig, "jobs" | "archive">): readonly number[] {
  const ports = [
    ...(jobs.enabled ? [portOf(jobs.redis.url, 6379), portOf(jobs.s3.endpoint, 443)] : []),
    ...(archive.enabled ? [portOf(archive.postgres.url, 5432)] : []),
  ].filter((port) => port !== undefined);
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

// ---

function portOf(url: string | undefined, usual: number): number | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { port, protocol } = new URL(url);
  if (port !== "") return Number(port);
  return protocol === "http:" ? 80 : usual;
}
