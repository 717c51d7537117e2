import { deployedVerdict } from "../../checks/deployed/verdicts.ts";
import { proxyFileProblems } from "../../render/deployed/proxy.ts";
import { deploymentOf, type DoctorCheck } from "./check.ts";

/** The proxy runs with the files that are there. */
export const proxy: DoctorCheck = {
  name: "proxy",
  run: async (context) => {
    return deployedVerdict(await proxyFileProblems(deploymentOf(context)), "no outdated files in use");
  },
};
