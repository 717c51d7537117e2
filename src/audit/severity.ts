import type { Severity } from "./types.ts";

/** Severities from weak to strong. */
export const SEVERITIES: readonly Severity[] = ["note", "warning", "error"];

/** Whether a severity is at or above a level. */
export function atOrAbove(severity: Severity, level: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(level);
}
