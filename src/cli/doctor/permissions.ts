import { modelsDir } from "../../models/paths.ts";
import { defaultStateDir } from "../../supervisor/state/state-dir.ts";
import { type Check, type DoctorContext, type Finding, fail, ok, warn } from "./check.ts";

/** Owners and modes of the folders that are written, and of the configuration file. */
export const permissions: Check = {
  name: "permissions",
  run: async (context) => [await stateDir(context), await modelDir(context), ...(await configFile(context))],
};

async function stateDir({ system, config, env }: DoctorContext): Promise<Finding> {
  const dir = config.supervisor.stateDir ?? defaultStateDir(env);
  const found = await system.stat(dir);
  if (found === undefined) return ok(`state folder ${dir} will be made at the first start`);
  if (!found.isDirectory) return fail(`${dir} must be a folder`, "Remove the file, or set supervisor.stateDir.");
  if (system.uid !== undefined && system.uid !== 0 && found.uid !== system.uid) {
    return fail(
      `state folder ${dir} belongs to user ${found.uid}, not ${system.uid}`,
      `Run \`chown -R ${system.uid} ${dir}\`, or set supervisor.stateDir.`,
    );
  }
  const code = await system.tryWrite(dir);
  if (code !== undefined)
    return fail(`state folder ${dir} cannot be written (${code})`, "Give write access, or set supervisor.stateDir.");
  if ((found.mode & 0o077) !== 0) {
    return warn(`state folder ${dir} is open to other users (mode ${octal(found.mode)})`, `Run \`chmod 700 ${dir}\`.`);
  }
  return ok(`state folder ${dir}`);
}

async function modelDir({ system, config, env }: DoctorContext): Promise<Finding> {
  const dir = modelsDir(config.model.dir, env);
  const found = await system.stat(dir);
  if (found === undefined) {
    return config.model.dir === undefined
      ? ok(`models' folder ${dir} will be made by \`gigastt models pull\``)
      : warn(`models' folder ${dir} does not exist`, "Run `gigastt models pull`, mount it, or correct model.dir.");
  }
  if (!found.isDirectory) return fail(`${dir} must be a folder`, "Remove the file, or set model.dir.");
  if ((found.mode & 0o002) !== 0 && (found.mode & 0o1000) === 0) {
    return warn(
      `models' folder ${dir} may be written by everybody (mode ${octal(found.mode)})`,
      `Run \`chmod o-w ${dir}\`.`,
    );
  }
  const code = await system.tryWrite(dir);
  // A read-only image or volume is a good place for models that are there already.
  return ok(
    `models' folder ${dir}${code === undefined ? "" : `, read-only (${code}): \`models pull\` cannot write there`}`,
  );
}

async function configFile({ system, loaded, configError }: DoctorContext): Promise<Finding[]> {
  const path = loaded?.path;
  if (path === undefined || configError !== undefined) return [];
  const found = await system.stat(path);
  if (found === undefined || (found.mode & 0o022) === 0) return [];
  return [warn(`${path} may be written by other users (mode ${octal(found.mode)})`, `Run \`chmod go-w ${path}\`.`)];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
