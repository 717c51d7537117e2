import { deployedVerdict } from "../../checks/deployed/verdicts.ts";
import { newestNginxWorker, proxyFileProblems } from "../../render/deployed/proxy.ts";
import { deploymentOf, type DoctorCheck } from "./check.ts";

/** The proxy runs with the files that are there. */
export const proxy: DoctorCheck = {
  name: "proxy",
  run: async (context) => {
    const newestWorker = await newestNginxWorker();
    const problems = await proxyFileProblems(deploymentOf(context), { newestWorker });
    return deployedVerdict(problems, "no older file was found in use");
  },
};
