import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { LastAudit } from "../shared/console-status.ts";
import { writeFileAtomic } from "../shared/files.ts";
import type { CommandContext } from "./command.ts";
import { findStatePaths } from "./state.ts";

/**
 * Leaves the findings in the state folder for `gigastt status` and the console, when the audit read an appliance's configuration and there is
 * such a folder. Never throws: an audit needs no appliance.
 */
export async function recordAudit(
  context: CommandContext,
  audited: readonly string[],
  findings: NonNullable<LastAudit["findings"]>,
): Promise<void> {
  if (!audited.some((path) => /^gigastt\.(?:config|local)\.yaml$/.test(basename(path)))) return;
  try {
    const paths = await findStatePaths(context);
    if (!(await stat(paths.dir)).isDirectory()) return;
    const count = (severity: string): number => findings.filter((one) => one.severity === severity).length;
    const record: LastAudit = {
      at: new Date().toISOString(),
      errors: count("error"),
      warnings: count("warning"),
      notices: findings.length - count("error") - count("warning"),
      findings: findings.slice(0, MAX_KEPT).map(({ rule, severity, file, line, message, fix }) => ({
        rule,
        severity,
        file,
        line,
        message: message.slice(0, MAX_CHARACTERS),
        fix: fix.slice(0, MAX_CHARACTERS),
      })),
    };
    await writeFileAtomic(paths.auditFile, `${JSON.stringify(record)}\n`);
  } catch {
    // No state folder, or no permission to write to it.
  }
}

// ---

/** The console shows them all at once; the counts are whole. */
const MAX_KEPT = 200;
const MAX_CHARACTERS = 600;
