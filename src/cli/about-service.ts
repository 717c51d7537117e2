import { resolve } from "node:path";
import { errorCodeOf, GigasttError, messageOf } from "../shared/errors.ts";
import { isAlive } from "../shared/process/process-identity.ts";
import { readClaim } from "../supervisor/state/claim.ts";
import type { CommandContext } from "./command.ts";
import { findInstalledService, UNIT_FILE } from "./installed.ts";
import type { InstalledService } from "./installed.ts";
import { findStatePaths } from "./state.ts";

/**
 * The context with the installed service's configuration and folders, for commands about the running box. Unchanged when the command
 * line or a variable names a configuration or a state folder, when a supervisor of this user runs, or when there is no service.
 */
export async function aboutService(context: CommandContext, unitFile: string = UNIT_FILE): Promise<CommandContext> {
  const { flags, env, cwd } = context;
  const service = await findInstalledService(unitFile);
  if (service === undefined) return context;
  const named = typeof flags["config"] === "string" ? flags["config"] : env["GIGASTT_CONFIG"];
  // The service's own file, named: its state is the service's too.
  if (named !== undefined && named !== "")
    return resolve(cwd, named) === service.configFile ? withService(context, service) : context;
  if (typeof flags["state-dir"] === "string")
    return resolve(cwd, flags["state-dir"]) === service.stateDir ? withService(context, service) : context;
  if (flags["set"] !== undefined || env["GIGASTT_SUPERVISOR_STATE_DIR"] !== undefined) return context;
  if (await runsOwn(context)) return context;
  context.stderr.write(`gigastt.service: ${service.configFile}, state in ${service.stateDir}\n`);
  return withService(context, service);
}

/** Runs a command with the service in its context. What only the service's user may read is a reason to use sudo. */
export async function runAboutService(
  run: (context: CommandContext) => Promise<number>,
  context: CommandContext,
): Promise<number> {
  const about = await aboutService(context);
  try {
    return await run(about);
  } catch (error) {
    const code = errorCodeOf(error);
    if (about.service === undefined || (code !== "EACCES" && code !== "EPERM")) throw error;
    throw new GigasttError(
      "GST_SERVICE_DENIED",
      `this belongs to the service's user (${messageOf(error)}): run the same command with sudo`,
      { cause: error },
    );
  }
}

// ---

function withService(context: CommandContext, service: InstalledService): CommandContext {
  const { flags, env } = context;
  return { ...context, service, flags: { ...flags, config: service.configFile }, env: { ...env, ...service.env } };
}

/** Whether a supervisor runs that the command line means without the service. */
async function runsOwn(context: CommandContext): Promise<boolean> {
  // A configuration that cannot be read is the command's to report.
  const paths = await findStatePaths(context).catch(() => undefined);
  const claim = paths === undefined ? undefined : await readClaim(paths);
  return claim !== undefined && isAlive(claim);
}
