import { notChecked, ok, verdictOf, type Problem, type Verdict } from "../../audit/observe/verdict.ts";
import type { WatchedCertificate } from "../../render/deployed/certificates.ts";
import type { DeployedProblem } from "../../render/deployed/problem.ts";

/** One certificate, with all that is wrong with it. */
export function certificateVerdict({ file, state, unread, problems }: WatchedCertificate): Verdict {
  if (problems.length > 0) return deployedVerdict(problems, "");
  return unread === undefined
    ? ok(`${file} ${state}`)
    : notChecked(`${file}: this user may not read it or its key (${unread})`);
}

/** Problems of the deployed files as the report of a check. */
export function deployedVerdict(problems: readonly DeployedProblem[], detailWhenClean: string): Verdict {
  return verdictOf(
    problems.map(({ severity, place, message, cure }): Problem => ({
      severity,
      place,
      evidence: message,
      message,
      fix: `${sentence(cure)}.`,
    })),
    detailWhenClean,
  );
}

/** A command stays as it is typed; a sentence begins with a capital. */
function sentence(cure: string): string {
  return /^(?:put|remove|check)\b/.test(cure) ? (cure[0] ?? "").toUpperCase() + cure.slice(1) : cure;
}
