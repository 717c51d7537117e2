import { deployDefaults } from "../../../src/config/deploy-defaults.ts";
import type { DeployConfig, ResolvedConfig } from "../../../src/config/types.ts";

/** Sections of the configuration with some keys replaced. */
export type Overrides = {
  readonly [K in keyof Omit<ResolvedConfig, "deploy">]?: Partial<ResolvedConfig[K]>;
} & { readonly deploy?: DeployOverrides };

export type DeployOverrides = { readonly [K in keyof DeployConfig]?: DeployConfig[K] extends readonly unknown[] | string | number | boolean | undefined ? DeployConfig[K] : Partial<DeployConfig[K]> };

/** The defaults with `overrides` laid over, section by section. */
export function configWith(overrides: Overrides = {}): ResolvedConfig {
  const { deploy = {}, ...rest } = overrides;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(rest)) merged[key] = { ...(base[key as keyof ResolvedConfig] as object), ...value }; // keys of Overrides
  const deployMerged: Record<string, unknown> = { ...base.deploy };
  for (const [key, value] of Object.entries(deploy)) {
    const old: unknown = base.deploy[key as keyof DeployConfig]; // keys of DeployOverrides
    const isSection = typeof value === "object" && !Array.isArray(value) && typeof old === "object";
    deployMerged[key] = isSection ? { ...(old as object), ...value } : value; // both are sections
  }
  return { ...merged, deploy: deployMerged } as unknown as ResolvedConfig; // every section of base is present
}

const base: ResolvedConfig = {
  server: { host: "127.0.0.1", port: 9876, allowBindAny: false, lan: false, trustedProxies: [], allowedOrigins: [], corsAllowAny: false, keepAliveTimeoutMs: 65_000, headersTimeoutMs: 70_000 },
  limits: { bodyBytes: 52_428_800, minUploadKbps: 1500, maxAudioDurationMs: 14_400_000, requestBudgetMs: 870_000, wsFrameBytes: 524_288, wsOutgoingBytes: 1_048_576, bufferedAudioMs: 30_000 },
  pool: { size: 4, checkoutTimeoutMs: 30_000, queue: 16 },
  session: { idleTimeoutMs: 300_000, maxDurationMs: 3_600_000, pingIntervalMs: 30_000 },
  rateLimit: { perMinute: 0, burst: 10 },
  shutdown: { drainMs: 10_000 },
  model: { id: "auto", precision: "auto", dir: undefined, mirror: undefined, offline: false, loadTimeoutMs: 300_000, idleUnloadMs: 0 },
  engine: { kind: "onnx", workers: "auto", threads: "auto", maxSymbolsPerFrame: 10 },
  stream: { endpoint: "auto", minSilenceMs: 600, commitPolicy: "auto", partialIntervalMinMs: 300, partialIntervalMaxMs: 1500 },
  metrics: { enabled: false },
  log: { level: "info" },
  supervisor: { stateDir: undefined, startTimeoutMs: 30_000, healthIntervalMs: 5000, healthTimeoutMs: 5000, restartDelayMinMs: 500, restartDelayMaxMs: 30_000, crashLimit: 5, crashWindowMs: 60_000 },
  deploy: deployDefaults,
};
