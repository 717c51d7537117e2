import { certificateVerdict } from "../../deployed/verdicts.ts";
import { notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-008",
  severity: "warning",
  confidence: "certain",
  title: "A certificate cannot be used, or its renewal has failed",
  why: "A certificate that does not belong to its key keeps the proxy from starting; one for another name, from another CA or past its end makes every client fail. Renewal runs unattended for years and fails without notice: a moved timer, a closed port 80, a reload that does not happen.",
  evidence: [
    "Read: the certificates that this deployment depends on and that no proxy renews by itself: key, names, CA, order and dates of the chain.",
  ],
  reads: ["certificates"],
  fixKind: "manual",
  sameAs: ["GA-TLS-004"],
  run: ({ certificates }) => {
    if ("unknown" in certificates) return notChecked(certificates.unknown);
    if (certificates.value.length === 0) return ok("no certificates to check: the proxy renews its own, or TLS is off");
    const verdicts = certificates.value.map(certificateVerdict);
    const problems = verdicts.flatMap((verdict) => (verdict.result === "found" ? verdict.problems : []));
    const unread = verdicts.flatMap((verdict) => (verdict.result === "not-checked" ? [verdict.reason] : []));
    if (problems.length === 0 && unread.length > 0) return notChecked(unread.join("; "));
    return verdictOf(problems, certificates.value.map(({ file, state }) => `${file} ${state}`).join("; "));
  },
};
