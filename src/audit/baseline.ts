import { GigasttError } from "../shared/errors.ts";
import type { Finding } from "./types.ts";

/** A baseline file: findings accepted for now, by fingerprint, readable enough to be reviewed. */
export function renderBaseline(findings: readonly Finding[]): string {
  const entries = findings
    .filter((finding) => finding.suppressed === undefined || finding.suppressed.kind === "baseline")
    .map((finding) => ({
      fingerprint: finding.fingerprint,
      rule: finding.rule,
      file: finding.file,
      message: finding.message,
    }));
  return `${JSON.stringify({ version: 1, findings: entries }, null, 2)}\n`;
}

/** Reads a baseline; throws when it is not one. */
export function parseBaseline(text: string, path: string): ReadonlySet<string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new GigasttError(
      "GST_AUDIT_BASELINE",
      `audit: ${path} must be a baseline written by --write-baseline, it is not JSON`,
      { cause: error, exitCode: 2 },
    );
  }
  const list: unknown = typeof value === "object" && value !== null && "findings" in value ? value.findings : undefined;
  if (!Array.isArray(list)) {
    throw new GigasttError(
      "GST_AUDIT_BASELINE",
      `audit: ${path} must be a baseline written by --write-baseline, it has no list "findings"`,
      { exitCode: 2 },
    );
  }
  return new Set(
    list.flatMap((item: unknown) =>
      typeof item === "object" && item !== null && "fingerprint" in item && typeof item.fingerprint === "string"
        ? [item.fingerprint]
        : [],
    ),
  );
}
