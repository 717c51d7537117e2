import { notChecked, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

/** The rendered unit is estimated below it. */
const MAX_EXPOSURE = 2;

export const check: HostCheck = {
  id: "GA-HST-004",
  severity: "warning",
  confidence: "certain",
  title: "The running unit has more access to the system than the server needs",
  why: "Files say what a unit should be; systemd says what runs: drop-ins, a unit of the same name elsewhere, or a version of systemd that does not know a directive change it. An attacker inside the server cannot use what the unit does not allow.",
  evidence: ["`systemd-analyze security` of the running unit; the rendered one is estimated at 1.4 to 2.0."],
  reads: ["systemctl is-active", "systemd-analyze security"],
  fixKind: "manual",
  sameAs: ["GA-SBX-007"],
  run: ({ unit }) => {
    if ("unknown" in unit) return notChecked(unit.unknown);
    const { unit: name, exposure } = unit.value;
    if (exposure <= MAX_EXPOSURE) return verdictOf([], `${name}: exposure ${exposure}`);
    return verdictOf(
      [
        {
          place: "/run/systemd/system",
          evidence: `Overall exposure level for ${name}: ${exposure}`,
          message: `systemd estimates the exposure of ${name} at ${exposure}; the rendered unit stays at or below ${MAX_EXPOSURE}`,
          fix: `Install the rendered unit (gigastt install-service), and look at its drop-ins: systemctl cat ${name}.`,
        },
      ],
      "",
    );
  },
};
