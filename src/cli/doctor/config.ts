import { formatProblem } from "../../config/problems/problem.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

/** The configuration can be used, and says nothing odd. */
export const config: DoctorCheck = {
  name: "config",
  run: ({ configError, loaded }) => {
    if (configError !== undefined) {
      const [first, ...rest] = configError.problems;
      const more = rest.length === 0 ? "" : ` (and ${rest.length} more)`;
      return fail(
        `${first === undefined ? configError.message : formatProblem(first)}${more}`,
        "Run `gigastt config check`. The other checks used the defaults.",
      );
    }
    const text = loaded?.path === undefined ? "no configuration file, using the defaults" : loaded.path;
    const [warning, ...others] = loaded?.warnings ?? [];
    if (warning === undefined) return ok(text);
    return warn(
      `${text}: ${formatProblem(warning)}${others.length === 0 ? "" : ` (and ${others.length} more)`}`,
      "Run `gigastt config check`.",
    );
  },
};
