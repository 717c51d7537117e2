/** Versions of the programs that will read the files; undefined = not known. */
export interface Versions {
  readonly nginx: string | undefined;
  readonly caddy: string | undefined;
  readonly kubernetes: string | undefined;
  readonly docker: string | undefined;
}

/** Compares dotted versions; a missing part counts as 0. */
export function compareVersions(a: string, b: string): number {
  const left = a.replace(/^v/, "").split(/[.+-]/).map(Number);
  const right = b.replace(/^v/, "").split(/[.+-]/).map(Number);
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] || 0) - (right[i] || 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}

/** True when the version is known and at least `floor`. */
export function isAtLeast(version: string | undefined, floor: string): boolean {
  return version !== undefined && compareVersions(version, floor) >= 0;
}

/** True when the version is known and older than `floor`. */
export function isBelow(version: string | undefined, floor: string): boolean {
  return version !== undefined && compareVersions(version, floor) < 0;
}
