import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installationRoot } from "../../shared/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { readVersion } from "../../shared/version.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import { planService } from "../../supervisor/install/service-files.ts";
import type { ServicePlan } from "../../supervisor/install/service-files.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";

export const command: Command = {
  summary: "Install gigastt as a service that starts with the machine",
  topic: "set-up",
  rank: 5,
  flags: {
    "dry-run": { type: "boolean", describe: "show what would be written and run, and do nothing" },
    root: { type: "string", value: "DIR", describe: "write the files below this folder and run nothing (for images)" },
  },
  help: "systemd on Linux (needs root), a launch agent on macOS. Undo it with `gigastt uninstall`. The unit follows the configuration: deploy.systemd.",
  run: async (context) => {
    const plan = await servicePlan(context);
    const { flags, stdout } = context;
    const root = typeof flags["root"] === "string" ? flags["root"] : undefined;
    if (flags["dry-run"] === true) {
      for (const file of plan.files) stdout.write(`would write ${file.path}\n`);
      for (const words of plan.commands) stdout.write(`would run   ${words.join(" ")}\n`);
      return 0;
    }
    for (const file of plan.files) {
      const path = root === undefined ? file.path : join(root, file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(path, file.text, { mode: file.mode });
      stdout.write(`wrote ${path}\n`);
    }
    if (root === undefined) for (const words of plan.commands) runStep(words, context);
    return 0;
  },
};

/** The plan for this machine and configuration. */
export async function servicePlan(context: CommandContext): Promise<ServicePlan> {
  const { config, hash, path } = await loadCliConfig(context, { quiet: true });
  return planService({
    config,
    configHash: hash,
    toolVersion: readVersion(),
    platform: process.platform,
    nodePath: process.execPath,
    scriptPath: fileURLToPath(new URL("bin/gigastt.js", installationRoot())),
    configPath: path,
  });
}

// ---

/** useradd says 9 when the user exists: that is what was wanted. */
const FINE: Readonly<Record<string, readonly number[]>> = { useradd: [0, 9] };

function runStep(words: readonly string[], { stdout }: CommandContext): void {
  const [file = "", ...args] = words;
  const { status, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
  if (error !== undefined || !(FINE[file] ?? [0]).includes(status ?? -1)) {
    throw new GigasttError(
      "GST_SERVICE_STEP",
      `"${words.join(" ")}" failed: ${(error?.message ?? stderr.trim()).replace(/\.$/, "")}. The files are written; run it by hand, or undo everything with "gigastt uninstall"`,
    );
  }
  stdout.write(`ran ${words.join(" ")}\n`);
}
