import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { installationRoot } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import { readVersion } from "../../shared/version.ts";
import { planService } from "../../supervisor/install/service-files.ts";
import type { ServicePlan } from "../../supervisor/install/service-files.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { Command, CommandContext } from "../command.ts";
import { installUnits } from "../deploy/install-units.ts";
import { LINK, linkState, linkTarget, makeLink } from "../deploy/path-link.ts";
import { serviceProblems } from "../deploy/service-checks.ts";
import { loadCliConfig } from "../load-config.ts";

export const command: Command = {
  summary: "Install gigastt as a service that starts with the machine",
  topic: "set-up",
  rank: 5,
  flags: {
    "dry-run": {
      type: "boolean",
      describe: "show what would be written and run, and what prevents it; change nothing",
    },
    link: { type: "boolean", describe: `also put gigastt on PATH: a link at ${LINK}` },
    root: { type: "string", value: "DIR", describe: "write the files below this folder and run nothing (for images)" },
  },
  help: "systemd on Linux (needs root), a launch agent on macOS. The service reads the file of --config, else deploy.systemd.configFile. Program, configuration and permissions are checked first; if a step fails, every change is undone. Undo it with `gigastt uninstall`.",
  run: async (context) => {
    const { flags, stdout } = context;
    const { plan, config } = await servicePlan(context);
    const { installDir } = config.deploy.systemd;
    if (typeof flags["root"] === "string") {
      for (const file of plan.files) {
        const path = join(flags["root"], file.path);
        await writeFileAtomic(path, file.text, { mode: file.mode, makeFolder: true });
        stdout.write(`wrote ${path}\n`);
      }
      return 0;
    }
    const problems = process.platform === "linux" ? [...(await serviceProblems(config, process.getuid?.()))] : [];
    if (flags["link"] === true && (await linkState(installDir)) === "other")
      problems.push(`${LINK} exists and does not point to ${installDir}: remove it, or omit --link`);
    if (flags["dry-run"] === true) {
      for (const file of plan.files) stdout.write(`would write ${file.path}\n`);
      for (const words of plan.commands) stdout.write(`would run   ${words.join(" ")}\n`);
      if (flags["link"] === true) stdout.write(`would link  ${LINK} to ${linkTarget(installDir)}\n`);
      for (const problem of problems) stdout.write(`problem  ${problem}\n`);
      return 0;
    }
    if (problems.length > 0)
      throw new GigasttError(
        "GST_SERVICE_CHECK",
        `nothing was installed:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
      );
    await installUnits(plan, (line) => void stdout.write(`${line}\n`), context.signal);
    if (flags["link"] === true) {
      await makeLink(installDir);
      stdout.write(`linked ${LINK} to ${linkTarget(installDir)}\n`);
    }
    return 0;
  },
};

/** The plan for this machine, with the configuration that the service will read. */
export async function servicePlan(
  context: CommandContext,
): Promise<{ readonly plan: ServicePlan; readonly config: ResolvedConfig }> {
  const { config: named } = context.flags;
  const first = await loadCliConfig(context, { quiet: true });
  const configFile = typeof named === "string" ? resolve(context.cwd, named) : first.config.deploy.systemd.configFile;
  const { config, hash, path } = await loaded(context, configFile, first);
  const systemd = { ...config.deploy.systemd, configFile };
  const effective = { ...config, deploy: { ...config.deploy, systemd } };
  const plan = planService({
    config: effective,
    configHash: hash,
    toolVersion: readVersion(),
    platform: process.platform,
    nodePath: process.execPath,
    scriptPath: fileURLToPath(new URL("bin/gigastt.js", installationRoot())),
    configPath: path,
  });
  return { plan, config: effective };
}

// ---

type Loaded = Awaited<ReturnType<typeof loadCliConfig>>;

/** The file that the service will read; while it is missing, the configuration that was found, so that the plan can be shown. */
async function loaded(context: CommandContext, file: string, first: Loaded): Promise<Loaded> {
  if (first.path === file) return first;
  const { access } = await import("node:fs/promises");
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  return isThere ? loadCliConfig({ ...context, flags: { ...context.flags, config: file } }, { quiet: true }) : first;
}
