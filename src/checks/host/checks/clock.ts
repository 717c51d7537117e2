import { clockVerdict } from "../../machine/clock.ts";
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
  run: ({ clock }) => clockVerdict(clock),
};
