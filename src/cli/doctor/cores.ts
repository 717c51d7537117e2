import { readMachineLimits } from "../../shared/machine/machine-limits.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, warn } from "./check.ts";

/** Cores, and the share of them that a container or a service manager allows. */
export const cores: DoctorCheck = {
  name: "cores",
  run: ({ system, config }) => {
    const limits = readMachineLimits((path) => system.readText(path), system.machine);
    const allowed = Math.round(limits.cores * 10) / 10;
    const isQuota = limits.cores < system.machine.cores;
    const text = isQuota ? `${allowed} of ${system.machine.cores} cores (CPU quota)` : `${allowed} cores`;
    const { workers, threads } = config.engine;
    const wanted = (workers === "auto" ? 1 : workers) * (threads === "auto" ? 1 : threads);
    if (limits.cores < 1) return warn(`${text}: less than one`, "Give it a quota of at least one core.");
    if (wanted > Math.ceil(limits.cores)) {
      return warn(
        `${text}, but engine.workers and engine.threads ask for ${wanted}`,
        "Set both to auto, or lower them.",
      );
    }
    return limits.cores < 2
      ? warn(`${text}: one long file delays live speech`, "Two cores or more are recommended.")
      : ok(text);
  },
};
