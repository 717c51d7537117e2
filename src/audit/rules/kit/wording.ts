/** `90` seconds as people write them. */
export function seconds(ms: number): string {
  if (!Number.isFinite(ms)) return "never";
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Whole seconds, rounded up. */
export function ceilSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

export function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 20) * 10) / 10} MiB`;
}
