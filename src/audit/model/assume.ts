import { parseBytes, parseDurationMs } from "../../shared/units.ts";
import type { YamlNode } from "../parse/yaml.ts";
import { yamlAt, yamlEntrySpan, yamlStrings, yamlText } from "../parse/yaml.ts";
import type { Span } from "../source.ts";
import type { Related } from "../parts.ts";

/** What the audit takes for true about the server: from its config, from `--assume key=value`, else the product's defaults. */
export interface Assumptions {
  /** True when a gigastt config was found. */
  readonly hasConfig: boolean;
  readonly number: (key: NumberKey) => number;
  readonly flag: (key: FlagKey) => boolean;
  readonly list: (key: ListKey) => readonly string[];
  readonly text: (key: TextKey) => string | undefined;
  /** True when config or `--assume` says it, false when it is a default. */
  readonly isSet: (key: string) => boolean;
  /** Where the config says it. */
  readonly span: (key: string) => Span | undefined;
  /** A related place for findings: empty when the config does not name the key. */
  readonly related: (key: string) => readonly Related[];
}

/** Durations in ms and sizes in bytes, under the names of the config's YAML. */
const NUMBERS = {
  "server.port": 9876,
  "server.keepAliveTimeout": 65_000,
  "limits.body": 52_428_800,
  "limits.minUploadKbps": 1500,
  "limits.requestBudget": 870_000,
  "pool.size": 4,
  "pool.queue": 16,
  "pool.checkoutTimeout": 30_000,
  "session.idleTimeout": 300_000,
  "session.maxDuration": 3_600_000,
  "rateLimit.perMinute": 0,
  "rateLimit.burst": 10,
  "shutdown.drain": 10_000,
  "model.loadTimeout": 300_000,
  "deploy.httpsPort": 443,
  "deploy.kubernetes.preStop": 10_000,
} as const;

const FLAGS = {
  "server.allowBindAny": false,
  "server.corsAllowAny": false,
  "metrics.enabled": false,
  "model.offline": false,
  /** `--assume gpu=true`: the engine needs device files. */
  gpu: false,
} as const;

const LISTS = {
  "server.trustedProxies": [],
  "server.allowedOrigins": [],
  "deploy.publicPaths": ["/health"],
  "deploy.cdnCidrs": [],
  "deploy.kubernetes.trustedCidrs": [],
} as const;

const TEXTS = {
  "server.host": "127.0.0.1",
  "deploy.domain": undefined,
  "deploy.privacy": "strict",
  "deploy.limiter": undefined,
  "deploy.target": undefined,
  "deploy.auth.kind": undefined,
  "deploy.tls.mode": undefined,
  "deploy.tls.hsts": undefined,
  "deploy.proxy.kind": undefined,
  "deploy.proxy.version": undefined,
  "model.dir": undefined,
  "supervisor.stateDir": undefined,
  /** `--assume upstream=HOST:PORT`: which upstream is the server when its name and port do not tell. */
  upstream: undefined,
} as const;

export type NumberKey = keyof typeof NUMBERS;
export type FlagKey = keyof typeof FLAGS;
export type ListKey = keyof typeof LISTS;
export type TextKey = keyof typeof TEXTS;

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
}): Assumptions {
  const given = options.given ?? {};
  const nodeOf = (key: string): YamlNode | undefined => yamlAt(options.config, ...key.split("."));
  const raw = (key: string): string | undefined => given[key] ?? yamlText(nodeOf(key));
  const span = (key: string): Span | undefined => {
    if (given[key] !== undefined) return undefined;
    const parts = key.split(".");
    return yamlEntrySpan(yamlAt(options.config, ...parts.slice(0, -1)), parts.at(-1) ?? "");
  };
  return {
    hasConfig: options.config !== undefined,
    number: (key) => readNumber(raw(key)) ?? NUMBERS[key],
    flag: (key) => {
      const text = raw(key);
      return text === undefined ? FLAGS[key] : /^(?:true|yes|on|1)$/i.test(text);
    },
    list: (key) => {
      const text = given[key];
      if (text !== undefined) return text.split(",").filter((item) => item !== "");
      const node = nodeOf(key);
      return node ? yamlStrings(node).map((item) => item.text) : LISTS[key];
    },
    text: (key) => raw(key) ?? TEXTS[key],
    isSet: (key) => given[key] !== undefined || nodeOf(key) !== undefined,
    span,
    related: (key) => {
      const found = span(key);
      return found ? [{ span: found, message: `${key} is set here` }] : [];
    },
  };
}

// ---

function readNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return parseDurationMs(text) ?? parseBytes(text);
}

function mapKinds<K extends string, V>(table: Readonly<Record<K, unknown>>, kind: V): Record<string, V> {
  return Object.fromEntries(Object.keys(table).map((key) => [key, kind]));
}
