/** Returns `HH:MM:SS.mmm` of whole milliseconds, with the separator of the format; hours take as many digits as they need. */
export function clock(ms: number, separator: "," | "."): string {
  return `${clockSeconds(ms)}${separator}${String(ms % 1000).padStart(3, "0")}`;
}

/** Returns `HH:MM:SS`, the part of a second cut off. */
export function clockSeconds(ms: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}`;
}

/** Returns whole milliseconds. Rounded before a time is taken apart: 59.9996 is one minute, not 59 s and 1000 ms. */
export function wholeMs(seconds: number): number {
  return Number.isFinite(seconds) ? Math.max(0, Math.round(seconds * 1000)) : 0;
}
