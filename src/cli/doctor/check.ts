import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { ConfigError } from "../../config/problem.ts";
import type { System } from "./system.ts";

export type Status = "ok" | "warn" | "fail";

/** What one check found: a line for people, and the way out when it is not ok. */
export interface Finding {
  readonly status: Status;
  readonly text: string;
  readonly cure?: string;
}

/** What the checks look at. */
export interface DoctorContext {
  /** The defaults when the configuration cannot be used. */
  readonly config: ResolvedConfig;
  readonly loaded: LoadedConfig | undefined;
  readonly configError: ConfigError | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly system: System;
  readonly signal: AbortSignal;
}

/** One thing that can be wrong with an installation. A check never changes anything that lasts. */
export interface Check {
  /** Short, stable, lower case: the first column and the key in JSON. */
  readonly name: string;
  run(context: DoctorContext): Promise<Finding | readonly Finding[]> | Finding | readonly Finding[];
}

export function ok(text: string): Finding {
  return { status: "ok", text };
}

export function warn(text: string, cure: string): Finding {
  return { status: "warn", text, cure };
}

export function fail(text: string, cure: string): Finding {
  return { status: "fail", text, cure };
}
