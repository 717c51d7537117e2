// GIGASTT_* variables are settings of the server, as binding as its config.
import { configSchema } from "../../config/schema/schema.ts";
import { readVariables } from "../../config/variables.ts";
import type { Span } from "../source.ts";
import type { EnvironmentEntry } from "./environment.ts";

/** A setting that a variable makes. */
export interface Setting {
  readonly variable: string;
  /** One text, or the items of a list. */
  readonly value: string | readonly string[];
  readonly span: Span;
}

/** Dotted key → what sets it. */
export type Settings = ReadonlyMap<string, Setting>;

export const NO_SETTINGS: Settings = new Map();

/** A client names the server by these two: they do not make a container the server. */
const ADDRESS_KEYS: ReadonlySet<string> = new Set(["server.host", "server.port"]);

/** Inside a container these say how it is wired, not what the host exposes. */
const WIRING_KEYS: ReadonlySet<string> = new Set(["server.host", "server.allowBindAny", "model.dir", "model.offline"]);

/** Returns what the variables set, by the server's own reading of them. A later entry wins. */
export function readSettings(entries: readonly EnvironmentEntry[]): Settings {
  const ours = entries.filter((entry) => entry.name.startsWith("GIGASTT_") && entry.value !== undefined);
  if (ours.length === 0) return NO_SETTINGS;
  const { raw, names } = readVariables(configSchema, Object.fromEntries(ours.map(({ name, value }) => [name, value])));
  const settings = new Map<string, Setting>();
  for (const [key, variable] of names) {
    const value = key.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], raw); // names lists keys of raw only
    const span = ours.findLast((entry) => entry.name === variable)?.span;
    if (span) settings.set(key, { variable, value: Array.isArray(value) ? value.map(String) : String(value), span });
  }
  return settings;
}

/** True for a container that is given settings only the server reads. */
export function configuresServer(entries: readonly EnvironmentEntry[]): boolean {
  return [...readSettings(entries).keys()].some((key) => !ADDRESS_KEYS.has(key));
}

/** Settings of a container without those that only wire it. */
export function withoutWiring(settings: Settings): Settings {
  return new Map([...settings].filter(([key]) => !WIRING_KEYS.has(key)));
}
