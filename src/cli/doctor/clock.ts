import { clockVerdict, readClock } from "../../checks/machine/clock.ts";
import type { DoctorCheck } from "./check.ts";

/** A plausible, synchronised time. */
export const clock: DoctorCheck = {
  name: "clock",
  run: async ({ system }) => clockVerdict(await readClock(system)),
};
