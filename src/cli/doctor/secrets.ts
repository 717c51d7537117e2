import { ok } from "../../audit/observe/verdict.ts";
import { deployedVerdict } from "../../checks/deployed/verdicts.ts";
import { accessFileOf, secretsProblems } from "../../render/deployed/secrets.ts";
import { deploymentOf, type DoctorCheck } from "./check.ts";

/** The proxy can look up its users or keys. */
export const secrets: DoctorCheck = {
  name: "secrets",
  run: async (context) => {
    const deployment = deploymentOf(context);
    const file = accessFileOf(deployment);
    if (file === undefined) return ok("no users or keys to check: no proxy on this machine reads any");
    return deployedVerdict(await secretsProblems(deployment), `the proxy can read ${file}`);
  },
};
