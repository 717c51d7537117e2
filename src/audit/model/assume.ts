import { defaultConfig } from "../../config/defaults.ts";
import { resolvedValue } from "../../config/resolve.ts";
import { configSchema } from "../../config/schema/schema.ts";
import { parseBytes, parseDurationMs } from "../../shared/units.ts";
import type { YamlNode } from "../parse/yaml.ts";
import { yamlAt, yamlEntrySpan, yamlStrings, yamlText } from "../parse/yaml.ts";
import type { Span } from "../source.ts";
import type { Related } from "../parts.ts";
import type { Settings } from "./settings.ts";
import { NO_SETTINGS } from "./settings.ts";

/** What the audit assumes about the server: from `--assume key=value`, its GIGASTT_* variables, its config, else the product's defaults. */
export interface Assumptions {
  /** True when a gigastt config was found. */
  readonly hasConfig: boolean;
  readonly number: (key: NumberKey) => number;
  readonly flag: (key: FlagKey) => boolean;
  readonly list: (key: ListKey) => readonly string[];
  readonly text: (key: TextKey) => string | undefined;
  /** True when the config, a variable or `--assume` says it, false when it is a default. */
  readonly isSet: (key: string) => boolean;
  /** Where the config or a variable says it. */
  readonly span: (key: string) => Span | undefined;
  /** A related place for findings: empty when no file sets the key. */
  readonly related: (key: string) => readonly Related[];
}

/** Durations in ms and sizes in bytes, under the names of the config's YAML. */
const NUMBERS = [
  "server.port",
  "wyoming.port",
  "vosk.port",
  "server.keepAliveTimeout",
  "limits.body",
  "limits.asrBody",
  "jobs.upload",
  "limits.minUploadKbps",
  "limits.requestBudget",
  "pool.size",
  "pool.queue",
  "pool.checkoutTimeout",
  "pool.holdTimeout",
  "session.idleTimeout",
  "session.maxDuration",
  "session.pingInterval",
  "rateLimit.perMinute",
  "rateLimit.burst",
  "shutdown.drain",
  "model.loadTimeout",
  "deploy.httpsPort",
  "deploy.kubernetes.preStop",
] as const;

/** Besides these, `--assume gpu=true`: the engine needs device files. */
const FLAGS = [
  "jobs.enabled",
  "console.enabled",
  "wyoming.enabled",
  "vosk.enabled",
  "server.allowBindAny",
  "server.corsAllowAny",
  "server.lan",
  "metrics.enabled",
  "model.offline",
  "gpu",
] as const;

const LISTS = [
  "server.trustedProxies",
  "server.allowedOrigins",
  "deploy.publicPaths",
  "deploy.cdnCidrs",
  "deploy.kubernetes.trustedCidrs",
] as const;

const TEXTS = [
  "server.host",
  "wyoming.host",
  "wyoming.socket",
  "vosk.host",
  "deploy.domain",
  "deploy.privacy",
  "deploy.limiter",
  "deploy.target",
  "auth.keys",
  "jobs.role",
  "jobs.engine",
  "deploy.auth.kind",
  "deploy.tls.mode",
  "deploy.tls.hsts",
  "deploy.proxy.kind",
  "deploy.proxy.version",
  "model.dir",
  "supervisor.stateDir",
  // `--assume upstream=HOST:PORT`: which upstream is the server when its name and port do not tell.
  "upstream",
] as const;

/** How the server is deployed is not assumed: only these have the product's default. */
const TEXTS_WITH_DEFAULT: ReadonlySet<string> = new Set(["server.host", "wyoming.host", "vosk.host", "deploy.privacy"]);

export type NumberKey = (typeof NUMBERS)[number];
export type FlagKey = (typeof FLAGS)[number];
export type ListKey = (typeof LISTS)[number];
export type TextKey = (typeof TEXTS)[number];

/** Every key that `--assume` takes, with its kind. */
export const ASSUME_KEYS: Readonly<Record<string, "number" | "flag" | "list" | "text">> = {
  ...mapKinds(NUMBERS, "number"),
  ...mapKinds(FLAGS, "flag"),
  ...mapKinds(LISTS, "list"),
  ...mapKinds(TEXTS, "text"),
};

/** Builds the assumptions. A value that cannot be read counts as unset: the config check reports it. */
export function createAssumptions(options: {
  readonly config?: YamlNode | undefined;
  readonly given?: Readonly<Record<string, string>>;
  /** What GIGASTT_* variables set. */
  readonly settings?: Settings;
}): Assumptions {
  const given = options.given ?? {};
  const settings = options.settings ?? NO_SETTINGS;
  const textOf = (key: string): string | undefined => {
    const value = settings.get(key)?.value;
    return typeof value === "string" ? value : value?.join(",");
  };
  const nodeOf = (key: string): YamlNode | undefined => yamlAt(options.config, ...key.split("."));
  const raw = (key: string): string | undefined => given[key] ?? textOf(key) ?? yamlText(nodeOf(key));
  const span = (key: string): Span | undefined => {
    if (given[key] !== undefined) return undefined;
    const setting = settings.get(key);
    if (setting !== undefined) return setting.span;
    const parts = key.split(".");
    return yamlEntrySpan(yamlAt(options.config, ...parts.slice(0, -1)), parts.at(-1) ?? "");
  };
  return {
    hasConfig: options.config !== undefined,
    number: (key) => readNumber(raw(key)) ?? (defaultOf(key) as number), // a key of NUMBERS
    flag: (key) => {
      const text = raw(key);
      return text === undefined ? defaultOf(key) === true : /^(?:true|yes|on|1)$/i.test(text);
    },
    list: (key) => {
      const text = given[key] ?? textOf(key);
      if (text !== undefined) return text.split(",").filter((item) => item !== "");
      const node = nodeOf(key);
      return node ? yamlStrings(node).map((item) => item.text) : (defaultOf(key) as readonly string[]); // a key of LISTS
    },
    text: (key) => raw(key) ?? (TEXTS_WITH_DEFAULT.has(key) ? String(defaultOf(key)) : undefined),
    isSet: (key) => given[key] !== undefined || settings.has(key) || nodeOf(key) !== undefined,
    span,
    related: (key) => {
      const found = span(key);
      const by = given[key] === undefined ? settings.get(key)?.variable : undefined;
      return found ? [{ span: found, message: `${by === undefined ? key : `${by} (${key})`} is set here` }] : [];
    },
  };
}

// ---

function readNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return parseDurationMs(text) ?? parseBytes(text);
}

function mapKinds<V>(keys: readonly string[], kind: V): Record<string, V> {
  return Object.fromEntries(keys.map((key) => [key, kind]));
}

/** The product's default of a key, resolved. */
function defaultOf(key: string): unknown {
  return resolvedValue(configSchema, defaultConfig, key.split("."));
}
