import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { ConfigError } from "../../config/problems/problem.ts";
import type { Verdict } from "../../audit/observe/verdict.ts";
import type { Deployment } from "../../render/deployed/problem.ts";
import { outDir } from "../deploy/paths.ts";
import type { Check } from "../../checks/check.ts";
import type { Machine } from "../../checks/machine.ts";

/** What the checks look at. */
export interface DoctorContext {
  /** The defaults when the configuration cannot be used. */
  readonly config: ResolvedConfig;
  readonly loaded: LoadedConfig | undefined;
  readonly configError: ConfigError | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly system: Machine;
  readonly signal: AbortSignal;
}

/** One thing that can be wrong with an installation; a verdict for each line. */
export interface DoctorCheck extends Check<
  DoctorContext,
  Verdict | readonly Verdict[] | Promise<Verdict | readonly Verdict[]>
> {
  /** Short, stable, lower case: the first column and the key in JSON. */
  readonly name: string;
}

/** The deployment that this configuration describes. */
export function deploymentOf({ config, loaded, cwd, system }: DoctorContext): Deployment {
  return { config, deployDir: outDir({ path: loaded?.path }, cwd, undefined), now: new Date(system.nowMs()) };
}

/** Something that works, but not as it should. */
export function warn(message: string, fix: string): Verdict {
  return { result: "found", problems: [{ severity: "warning", message, fix, place: "", evidence: message }] };
}

/** Something that keeps the server from working. */
export function fail(message: string, fix: string): Verdict {
  return { result: "found", problems: [{ severity: "error", message, fix, place: "", evidence: message }] };
}
