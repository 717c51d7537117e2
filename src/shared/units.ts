const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTE_UNITS = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** What a duration must look like, for error messages and the JSON Schema. */
export const DURATION_PATTERN = "^(?:0|(?:\\d+(?:\\.\\d+)?(?:ms|s|m|h|d))+)$";
/** What a size must look like, for error messages and the JSON Schema. */
export const BYTES_PATTERN = "^\\d+(?:\\.\\d+)?(?:B|KB|MB|GB|KiB|MiB|GiB)$";

/** Returns the milliseconds of `10s`, `1h30m`, `250ms` or `0`; undefined for anything else or above 2^53. */
export function parseDurationMs(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS]; // the regex allows only these
  }
  const rounded = Math.round(totalMs);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** Returns the bytes of `50MiB`, `512KiB`, `1GB` or `100B`; undefined for anything else or above 2^53. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|KiB|MiB|GiB)$/.exec(text);
  if (!match) return undefined;
  const bytes = Math.round(Number(match[1]) * BYTE_UNITS[match[2] as keyof typeof BYTE_UNITS]); // the regex allows only these
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Returns the shortest exact spelling of a duration: 90000 → `1m30s`, 250 → `250ms`, 0 → `0`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  let rest = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(rest / DURATION_UNITS_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * DURATION_UNITS_MS[unit];
  }
  return text;
}

/** Returns the shortest exact binary spelling of a size: 52428800 → `50MiB`, 1000 → `1000B`. */
export function formatBytes(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"] as const) {
    if (bytes >= BYTE_UNITS[unit] && bytes % BYTE_UNITS[unit] === 0) return `${bytes / BYTE_UNITS[unit]}${unit}`;
  }
  return `${bytes}B`;
}

/** Returns a size for people, rounded, in decimal units as disks and downloads are sold: `885 MB`, `4.6 MB`, `13 kB`. */
export function readableBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
  if (bytes >= 1e3) return `${(bytes / 1e3).toFixed(0)} kB`;
  return `${bytes} B`;
}
