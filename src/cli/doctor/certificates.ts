import { ok } from "../../audit/observe/verdict.ts";
import { certificateVerdict } from "../../checks/deployed/verdicts.ts";
import { watchedCertificates } from "../../render/deployed/certificates.ts";
import { deploymentOf, type DoctorCheck, warn } from "./check.ts";

/** The certificates that the proxy does not renew itself. */
export const certificates: DoctorCheck = {
  name: "certificates",
  run: async (context) => {
    const found = await watchedCertificates(deploymentOf(context));
    if (found.length === 0) return ok("no certificates to check");
    return found.map((certificate) => {
      const verdict = certificateVerdict(certificate);
      return verdict.result === "not-checked" ? warn(verdict.reason, "Run `sudo gigastt doctor`.") : verdict;
    });
  },
};
