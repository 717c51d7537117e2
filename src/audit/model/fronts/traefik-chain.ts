import type { TraefikSetting } from "./traefik-settings.ts";

/** A setting of a middleware in a chain. */
export interface Inside {
  /** The key below the middleware: `buffering.maxrequestbodybytes`. */
  readonly name: string;
  readonly setting: TraefikSetting;
}

/** Returns the settings of a router's middlewares; chains of chains are followed. `isWhole`: each of them is among the settings. */
export function chainOf(
  settings: readonly TraefikSetting[],
  names: readonly string[],
): { readonly settings: readonly Inside[]; readonly isWhole: boolean } {
  const seen = new Set<string>();
  const queue = [...names];
  const inside: Inside[] = [];
  let isWhole = true;
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const prefix = `http.middlewares.${name}.`;
    const own = settings.filter(({ key }) => key.startsWith(prefix));
    if (own.length === 0) isWhole = false;
    for (const setting of own) {
      const rest = setting.key.slice(prefix.length);
      inside.push({ name: rest, setting });
      if (rest === "chain.middlewares") queue.push(...listOf(setting.value));
    }
  }
  return { settings: inside, isWhole };
}

/** Returns the names of a list with commas. */
export function listOf(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((item) => bare(item.trim()))
    .filter((item) => item !== "");
}

/** Returns a name without its provider, in lower case: keys are. */
export function bare(name: string): string {
  return (name.split("@")[0] ?? "").toLowerCase();
}
