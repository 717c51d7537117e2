import { isSection, settableKeys, type SchemaNode } from "../config/schema/node.ts";
import { holdsSecret, isRecord, unresolve } from "../config/resolve.ts";
import { configSchema } from "../config/schema/schema.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { variableName } from "../config/variables.ts";
import { isDeepStrictEqual } from "node:util";
import { defaultConfig } from "../config/defaults.ts";
import type { RenderedBody } from "./target.ts";
import { renderYaml } from "./text/yaml.ts";

/**
 * Returns a configuration as YAML for a server in a container: only what differs from the defaults and what `ALWAYS` names. Without the sections that
 * such a server does not read, and without secrets: anyone on the machine may read the file.
 */
export function configText(config: ResolvedConfig): string {
  return renderYaml(writtenSections(config, isWritten));
}

/** Returns the same values as GIGASTT_* variables, for places that give a container variables and no file. */
export function configVariables(config: ResolvedConfig): Readonly<Record<string, string>> {
  const sections = writtenSections(config, () => false);
  const variables: Record<string, string> = {};
  for (const [key, node] of settableKeys(configSchema)) {
    const value = key.split(".").reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), sections);
    if (value === undefined) continue;
    variables[variableName(key, node)] = variableText(value);
  }
  return variables;
}

export function configBody(path: string, config: ResolvedConfig): RenderedBody {
  return { path, body: configText(config), comment: "#" };
}

// ---

/** A list of plain words reads better without brackets; the server takes both. */
function variableText(value: unknown): string {
  if (typeof value === "string") return value;
  const isPlain = Array.isArray(value) && value.length > 0 && value.every((item) => /^[\w.:/*-]+$/.test(String(item)));
  return isPlain ? value.join(",") : JSON.stringify(value);
}

function writtenSections(
  config: ResolvedConfig,
  always: (section: string, leaf: string) => boolean,
): Readonly<Record<string, unknown>> {
  const sections: Record<string, unknown> = {};
  for (const [name, node] of Object.entries(configSchema.properties)) {
    if (UNREAD.has(name)) continue;
    const key = name as keyof ResolvedConfig; // the schema's sections are ResolvedConfig's: a test proves it
    const values = withoutSecrets(node, unresolve(node, config[key])) as Record<string, unknown>; // a section gives an object
    const defaults = withoutSecrets(node, unresolve(node, defaultConfig[key])) as Record<string, unknown>; // same
    const changed = Object.entries(values).filter(
      ([leaf, value]) => always(name, leaf) || !isDeepStrictEqual(value, defaults[leaf]),
    );
    if (changed.length > 0) sections[name] = Object.fromEntries(changed);
  }
  return sections;
}

/** Sections of the supervisor, the renderer and the audit. */
const UNREAD: ReadonlySet<string> = new Set(["deploy", "supervisor", "audit"]);

function withoutSecrets(node: SchemaNode, value: unknown): unknown {
  if (!isSection(node) || !isRecord(value)) return value;
  const kept = Object.entries(node.properties).filter(([, child]) => isSection(child) || !holdsSecret(child));
  return Object.fromEntries(kept.map(([name, child]) => [name, withoutSecrets(child, value[name])]));
}

/** Limits other rendered files carry too: written out, so that both sides can be read and compared. */
const ALWAYS: ReadonlySet<string> = new Set([
  "server.host",
  "server.port",
  "server.allowBindAny",
  "server.trustedProxies",
  "server.allowedOrigins",
  "server.keepAliveTimeout",
  "limits.body",
  "limits.requestBudget",
  "pool.size",
  "pool.checkoutTimeout",
  "pool.holdTimeout",
  "session.idleTimeout",
  "session.maxDuration",
  "shutdown.drain",
  "model.loadTimeout",
  "model.offline",
]);

function isWritten(section: string, leaf: string): boolean {
  return ALWAYS.has(`${section}.${leaf}`);
}
