import { ok, verdictOf, type Verdict } from "../../audit/observe/verdict.ts";
import { modeProblems, type FileRole } from "../../checks/machine/modes.ts";
import type { FileStat, Machine } from "../../checks/machine.ts";
import { modelsDir } from "../../models/paths.ts";
import { stateDirOf } from "../../shared/state-dir.ts";
import { type DoctorCheck, type DoctorContext, fail, warn } from "./check.ts";

/** Owners and modes of the folders that are written, and of the configuration file. */
export const permissions: DoctorCheck = {
  name: "permissions",
  run: async (context) => [await stateDir(context), await modelDir(context), ...configFile(context)],
};

async function stateDir({ system, config, env }: DoctorContext): Promise<Verdict> {
  const dir = stateDirOf(config.supervisor.stateDir, env);
  const found = statOf(system, dir);
  if (found === undefined) return ok(`state folder ${dir}: created at the first start`);
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
  return modesOf(dir, "state", found, `state folder ${dir}`);
}

async function modelDir({ system, config, env }: DoctorContext): Promise<Verdict> {
  const dir = modelsDir(config.model.dir, env);
  const found = statOf(system, dir);
  if (found === undefined) {
    return config.model.dir === undefined
      ? ok(`models folder ${dir}: created by \`gigastt models pull\``)
      : warn(`models folder ${dir} does not exist`, "Run `gigastt models pull`, mount it, or correct model.dir.");
  }
  if (!found.isDirectory) return fail(`${dir} must be a folder`, "Remove the file, or set model.dir.");
  const code = await system.tryWrite(dir);
  // A read-only image or volume is a good place for models that are there already.
  const note = code === undefined ? "" : `, read-only (${code}): \`models pull\` cannot write there`;
  return modesOf(dir, "model", found, `models folder ${dir}${note}`);
}

function configFile({ system, loaded, configError }: DoctorContext): readonly Verdict[] {
  const path = loaded?.path;
  const found = path === undefined || configError !== undefined ? undefined : statOf(system, path);
  if (path === undefined || found === undefined) return [];
  const verdict = modesOf(path, "config", found, "");
  return verdict.result === "found" ? [verdict] : [];
}

function modesOf(path: string, role: FileRole, { mode, isDirectory }: FileStat, detailWhenClean: string): Verdict {
  return verdictOf(modeProblems([{ path, role, mode, isDirectory, problem: undefined }]), detailWhenClean);
}

function statOf(system: Machine, path: string): FileStat | undefined {
  const found = system.stat(path);
  return "code" in found ? undefined : found;
}
