import { RenderError } from "./errors.ts";

/** A dotted version as numbers; missing parts are 0. */
export type Version = readonly [number, number, number];

/** Parses `2.11.4`, `1.22`, `v2.6.2`; throws for anything else. */
export function parseVersion(text: string, what: string): Version {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new RenderError(`${what} must look like 1.30 or 2.11.4, got ${JSON.stringify(text)}.`);
  return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

export function isAtLeast(version: Version, ...floor: readonly number[]): boolean {
  for (let i = 0; i < 3; i++) {
    const difference = (version[i] ?? 0) - (floor[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
