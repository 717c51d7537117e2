import { defaultConfig } from "../../../src/config/defaults.ts";
import type { DeployConfig, ResolvedConfig } from "../../../src/config/types.ts";

/** Sections of the configuration with some keys replaced. */
export type Overrides = {
  readonly [K in keyof Omit<ResolvedConfig, "deploy">]?: Partial<ResolvedConfig[K]>;
} & { readonly deploy?: DeployOverrides };

export type DeployOverrides = {
  readonly [K in keyof DeployConfig]?: DeployConfig[K] extends
    | readonly unknown[]
    | string
    | number
    | boolean
    | undefined
    ? DeployConfig[K]
    : Partial<DeployConfig[K]>;
};

/** The defaults with `overrides` laid over, section by section. */
export function configWith(overrides: Overrides = {}): ResolvedConfig {
  const { deploy = {}, ...rest } = overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(rest))
    merged[key] = { ...(base[key as keyof ResolvedConfig] as object), ...value }; // keys of Overrides
  const deployMerged: Record<string, unknown> = { ...base.deploy };
  for (const [key, value] of Object.entries(deploy)) {
    const old: unknown = base.deploy[key as keyof DeployConfig]; // keys of DeployOverrides
    const isSection = typeof value === "object" && !Array.isArray(value) && typeof old === "object";
    deployMerged[key] = isSection ? { ...(old as object), ...value } : value; // both are sections
  }
  return { ...merged, deploy: deployMerged } as unknown as ResolvedConfig; // every section of base is present
}

const base = defaultConfig;
