import { notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-009",
  severity: "warning",
  confidence: "certain",
  title: "The clock is not kept",
  why: "Certificates, their renewal, logs and Retry-After live by the clock. A machine that drifts refuses good certificates, accepts ended ones, and its log cannot be laid beside another's.",
  evidence: ["`timedatectl show -p NTPSynchronized`, else `chronyc tracking`, else systemd-timesyncd's mark in /run."],
  reads: ["timedatectl", "chronyc", "/run/systemd/timesync"],
  fixKind: "manual",
  sameAs: [],
  judge: ({ clock }) => {
    if ("unknown" in clock) return notChecked(clock.unknown);
    const { synchronized, by } = clock.value;
    if (synchronized) return ok(`kept, says ${by}`);
    return verdictOf(
      [
        {
          place: "/run/systemd/timesync",
          evidence: `${by}: not synchronised`,
          message: `the clock is not synchronised, says ${by}`,
          fix: "timedatectl set-ntp true, or run chrony; open UDP port 123 to the outside.",
        },
      ],
      "",
    );
  },
};
