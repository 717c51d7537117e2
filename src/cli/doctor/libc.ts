import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail } from "./check.ts";

/** The C library that the inference library was built for. */
export const libc: DoctorCheck = {
  name: "libc",
  run: ({ system }) => {
    if (system.platform !== "linux") return ok(`not needed on ${system.platform}`);
    const version = system.glibcVersion;
    const cure = "Use a distribution with glibc 2.28 or newer: Debian 10, Ubuntu 20.04, RHEL 8 or later; not Alpine.";
    if (version === undefined) return fail("no glibc: musl cannot load the inference library", cure);
    const [major = 0, minor = 0] = version.split(".").map(Number);
    return major > 2 || (major === 2 && minor >= 28)
      ? ok(`glibc ${version}`)
      : fail(`glibc ${version} is too old, 2.28 or newer is needed`, cure);
  },
};
