import { memoryVerdict } from "../../checks/machine/memory.ts";
import { ownMemoryBytes } from "../../checks/machine/processes.ts";
import { readMachineLimits } from "../../shared/machine/machine-limits.ts";
import { memoryNeed } from "../memory-need.ts";
import type { DoctorCheck } from "./check.ts";

/** Memory that is there against what the configuration and the installed model need. */
export const memory: DoctorCheck = {
  name: "memory",
  run: async ({ system, config, env }) =>
    memoryVerdict(
      {
        totalBytes: readMachineLimits((path) => system.readText(path), system.machine).memoryBytes,
        availableBytes: await system.availableMemoryBytes(),
        ownBytes: ownMemoryBytes(system),
        overcommit: undefined,
        commitLimitBytes: undefined,
      },
      await memoryNeed(config, env),
    ),
};
