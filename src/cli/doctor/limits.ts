import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, warn } from "./check.ts";

const ENOUGH_FILES = 1024;

/** Open files that the process may have: every connection is one. */
export const limits: DoctorCheck = {
  name: "limits",
  run: ({ system }) => {
    const row = /^Max open files\s+(\d+|unlimited)/m.exec(system.readText("/proc/self/limits") ?? "")?.[1];
    if (row === undefined) return ok(`not shown on ${system.platform}`);
    if (row === "unlimited" || Number(row) >= ENOUGH_FILES) return ok(`${row} open files`);
    return warn(`only ${row} open files are allowed`, "Raise it: `ulimit -n 4096`, or LimitNOFILE= in the unit.");
  },
};
