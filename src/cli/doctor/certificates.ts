import { CERTIFICATE_DAYS, describeDays, watchedCertificates } from "../../supervisor/status/certificates.ts";
import { outDir } from "../deploy/paths.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";

/** Days left of every certificate nobody else renews. */
export const certificates: Check = {
  name: "certificates",
  run: async ({ config, loaded, cwd, system }) => {
    const deployDir = outDir({ path: loaded?.path }, cwd, undefined);
    const found = await watchedCertificates({ config, deployDir, now: new Date(system.nowMs()) });
    if (found.length === 0) return ok("none to watch here");
    return found.map(({ file, daysLeft, trouble, cure }): Finding => {
      if (daysLeft === undefined) return unreadable(file, trouble, cure);
      const text = `${file} ${describeDays(daysLeft)}`;
      if (daysLeft < CERTIFICATE_DAYS.error) return fail(text, `${cure}.`);
      return daysLeft < CERTIFICATE_DAYS.warning ? warn(text, `${cure}.`) : ok(text);
    });
  },
};

// ---

function unreadable(file: string, trouble: string | undefined, cure: string): Finding {
  if (trouble === "EACCES")
    return warn(`${file} may not be read by this user`, "Run `sudo gigastt doctor` to see its end.");
  if (trouble === "ENOENT") return warn(`${file} does not exist`, `The proxy cannot start without it: ${cure}.`);
  return fail(`${file} cannot be read (${trouble})`, `${cure}.`);
}
