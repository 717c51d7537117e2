import { clockVerdict } from "../../machine/clock.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-009",
  severity: "warning",
  confidence: "certain",
  title: "The clock is not synchronised",
  why: "Certificates, their renewal, logs and Retry-After depend on the clock. A machine whose clock drifts refuses valid certificates, accepts expired ones, and its logs cannot be compared with others.",
  evidence: ["`timedatectl show -p NTPSynchronized`, else `chronyc tracking`, else systemd-timesyncd's mark in /run."],
  reads: ["timedatectl", "chronyc", "/run/systemd/timesync"],
  fixKind: "manual",
  sameAs: [],
  run: ({ clock }) => clockVerdict(clock),
};
