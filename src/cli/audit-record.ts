import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { LastAudit } from "../supervisor/status/upkeep.ts";
import { writeFileAtomic } from "../shared/files.ts";
import type { CommandContext } from "./command.ts";
import { findStatePaths } from "./state.ts";

/**
 * Leaves the counts in the state folder for `gigastt status`, when the audit read an appliance's configuration and there is
 * such a folder. Never throws: an audit needs no appliance.
 */
export async function recordAudit(
  context: CommandContext,
  audited: readonly string[],
  severities: readonly string[],
): Promise<void> {
  if (!audited.some((path) => /^gigastt\.(?:config|local)\.yaml$/.test(basename(path)))) return;
  try {
    const paths = await findStatePaths(context);
    if (!(await stat(paths.dir)).isDirectory()) return;
    const count = (severity: string): number => severities.filter((one) => one === severity).length;
    const record: LastAudit = {
      at: new Date().toISOString(),
      errors: count("error"),
      warnings: count("warning"),
      notices: severities.length - count("error") - count("warning"),
    };
    await writeFileAtomic(paths.auditFile, `${JSON.stringify(record)}\n`);
  } catch {
    // No state folder, or no permission to write to it.
  }
}
