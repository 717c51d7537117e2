import { dirname, join, resolve } from "node:path";
import { secretsFolderOf } from "../../render/deployed/secrets.ts";
import type { LoadedConfig } from "../../config/load.ts";

/** Folder of rendered files: `--out`, else `deploy/` beside the configuration. */
export function outDir(loaded: Pick<LoadedConfig, "path">, cwd: string, flag: unknown): string {
  if (typeof flag === "string") return resolve(cwd, flag);
  return loaded.path === undefined ? resolve(cwd, "deploy") : join(dirname(loaded.path), "deploy");
}

/** What to say of a folder that no reload renders again; undefined for the one beside the configuration. */
export function notFollowed(loaded: Pick<LoadedConfig, "path">, cwd: string, out: string): string | undefined {
  const followed = outDir(loaded, cwd, undefined);
  if (loaded.path === undefined || out === followed) return undefined;
  return `a running service renders ${followed} again by itself when the configuration changes, but not ${out}: run gigastt render --out again after each change`;
}

/** Folder of the secrets: `--dir`, else where the chosen deployment reads them. */
export function secretsFolder(loaded: Pick<LoadedConfig, "path" | "config">, cwd: string, flag: unknown): string {
  if (typeof flag === "string") return resolve(cwd, flag);
  return secretsFolderOf({ config: loaded.config, deployDir: outDir(loaded, cwd, undefined) });
}

/** Folder of our own certificates: `--dir`, else where the chosen deployment reads them. */
export function certsFolder(loaded: Pick<LoadedConfig, "path" | "config">, cwd: string, flag: unknown): string {
  if (typeof flag === "string") return resolve(cwd, flag);
  const { deploy } = loaded.config;
  return deploy.target === "compose"
    ? join(outDir(loaded, cwd, undefined), "compose", "tls")
    : dirname(deploy.tls.certificateFile);
}
