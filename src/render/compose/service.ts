/** A piece of a Compose file. */
export type Yaml = Readonly<Record<string, unknown>>;

/** Logs of a service have an end. */
export const LOGGING: Yaml = { driver: "json-file", options: { "max-size": "10m", "max-file": "5" } };

/** Returns a read-only bind mount that fails when the source is missing instead of creating an empty folder. */
export function bind(source: string, target: string): Yaml {
  return { type: "bind", source, target, read_only: true, bind: { create_host_path: false } };
}
