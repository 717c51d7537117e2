import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

/** Node's version: 20.19 or newer, an even (long-term) release. */
export const node: DoctorCheck = {
  name: "node",
  run: ({ system }) => {
    const [major = 0, minor = 0] = system.nodeVersion.split(".").map(Number);
    const text = `Node ${system.nodeVersion}`;
    if (major < 20 || (major === 20 && minor < 19)) {
      return fail(`${text} is too old, 20.19 or newer is needed`, "Install the current long-term release of Node.");
    }
    if (major % 2 === 1) {
      return warn(`${text} is a short-lived release`, "Use a release with an even number: 22 or 24.");
    }
    return ok(text);
  },
};
