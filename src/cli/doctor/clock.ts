import { fileURLToPath } from "node:url";
import { installationRoot } from "../../shared/entry.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const DAY_MS = 86_400_000;

/** A plausible date: certificates, logs and Retry-After depend on it, and small boards boot in 1970. */
export const clock: Check = {
  name: "clock",
  run: async ({ system }) => {
    const nowMs = system.nowMs();
    const now = new Date(nowMs).toISOString().slice(0, 16).replace("T", " ");
    // The installation cannot be younger than now.
    const installed = await system.stat(fileURLToPath(new URL("package.json", installationRoot())));
    const cure = "Set the time, and let it be kept: `timedatectl set-ntp true`.";
    if (installed !== undefined && nowMs < installed.mtimeMs - DAY_MS) {
      const then = new Date(installed.mtimeMs).toISOString().slice(0, 10);
      return fail(`it is ${now} UTC, but this installation was made on ${then}`, cure);
    }
    // systemd-timesyncd makes the folder when it runs and the file when it has agreed with a server.
    const kept = system.list("/run/systemd/timesync");
    if (kept.length > 0 && !kept.includes("synchronized")) return warn(`${now} UTC, not yet synchronised`, cure);
    return ok(`${now} UTC`);
  },
};
