import type { Rule } from "../types.ts";
import { appUnits } from "../model/facts.ts";
import type { Unit } from "../model/units.ts";
import { isYes } from "../model/units.ts";

/** Gain of each setting as `systemd-analyze security` (252) measured it on a Node unit, added one after the other. */
const GAINS: readonly (readonly [string, number, (unit: Unit) => boolean])[] = [
  ["NoNewPrivileges=yes", 0.2, (unit) => isYes(unit.get("Service", "NoNewPrivileges"))],
  ["CapabilityBoundingSet=", 2.5, (unit) => has(unit, "CapabilityBoundingSet")],
  ["ProtectSystem=strict", 0.1, (unit) => unit.get("Service", "ProtectSystem")?.value === "strict"],
  [
    "ProtectHome=yes",
    0.2,
    (unit) => /^(?:yes|true|1|on|tmpfs|read-only)$/.test(unit.get("Service", "ProtectHome")?.value ?? ""),
  ],
  [
    "PrivateTmp=yes",
    0.2,
    (unit) => isYes(unit.get("Service", "PrivateTmp")) || unit.get("Service", "PrivateTmp")?.value === "disconnected",
  ],
  ["PrivateDevices=yes", 0.4, (unit) => isYes(unit.get("Service", "PrivateDevices"))],
  ["RestrictNamespaces=yes", 0.7, (unit) => isYes(unit.get("Service", "RestrictNamespaces"))],
  [
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    0.4,
    (unit) => unit.get("Service", "RestrictAddressFamilies") !== undefined,
  ],
  ["SystemCallFilter=@system-service", 1.4, (unit) => unit.get("Service", "SystemCallFilter") !== undefined],
  [
    "SystemCallFilter=~@privileged @resources",
    0.2,
    (unit) => unit.all("Service", "SystemCallFilter").some((entry) => entry.value.startsWith("~")),
  ],
  ["SystemCallArchitectures=native", 0.2, (unit) => unit.get("Service", "SystemCallArchitectures")?.value === "native"],
  ["PrivateUsers=yes", 0.1, (unit) => isYes(unit.get("Service", "PrivateUsers"))],
  ["ProtectKernelTunables=yes", 0.2, (unit) => isYes(unit.get("Service", "ProtectKernelTunables"))],
  ["ProtectKernelModules=yes", 0.2, (unit) => isYes(unit.get("Service", "ProtectKernelModules"))],
  ["ProtectKernelLogs=yes", 0.2, (unit) => isYes(unit.get("Service", "ProtectKernelLogs"))],
  [
    "ProtectControlGroups=yes",
    0.2,
    (unit) => /^(?:yes|true|1|on|strict|private)$/.test(unit.get("Service", "ProtectControlGroups")?.value ?? ""),
  ],
  ["ProtectHostname=yes", 0.1, (unit) => isYes(unit.get("Service", "ProtectHostname"))],
  ["ProtectProc=invisible", 0.1, (unit) => unit.get("Service", "ProtectProc")?.value === "invisible"],
  ["RestrictRealtime=yes", 0.1, (unit) => isYes(unit.get("Service", "RestrictRealtime"))],
  ["RestrictSUIDSGID=yes", 0.2, (unit) => isYes(unit.get("Service", "RestrictSUIDSGID"))],
  [
    "AmbientCapabilities=, KeyringMode=private, PrivateMounts=yes",
    0.2,
    (unit) => isYes(unit.get("Service", "PrivateMounts")),
  ],
];

const BARE = 9.2;
const GOAL = 2;

export const rule: Rule = {
  id: "GA-SBX-007",
  severity: "warning",
  confidence: "likely",
  title: "The unit leaves the server more of the system than it needs",
  why: "systemd can take away what the server never uses: other people's files, kernel settings, namespaces, most system calls. The estimate follows `systemd-analyze security`; 2.0 is reached without any loss of function.",
  evidence: ["Measured with systemd 252: 9.2 for a bare Node unit, 1.1 with the whole list."],
  reads: ["systemd"],
  fixKind: "manual",
  *check(facts) {
    for (const unit of appUnits(facts)) {
      if (!unit.base) continue;
      const missing = GAINS.filter(([, , present]) => !present(unit));
      const root = unit.get("Service", "User") === undefined && !isYes(unit.get("Service", "DynamicUser"));
      const score =
        BARE - GAINS.reduce((sum, [, gain, present]) => sum + (present(unit) ? gain : 0), 0) + (root ? 0.4 : 0);
      if (score <= GOAL + 0.05) continue;
      const best = [...missing].sort((a, b) => b[1] - a[1]).slice(0, 5);
      yield {
        span: unit.span,
        message: `estimated exposure ${score.toFixed(1)} (goal ${GOAL.toFixed(1)})${root ? ", and it runs as root" : ""}; the largest gains: ${best.map(([name, gain]) => `${name} (${gain.toFixed(1)})`).join(", ")}`,
        fix: "Take the unit that `gigastt render systemd` writes, or add these settings.",
      };
    }
  },
};

function has(unit: Unit, key: string): boolean {
  return unit.files.some((file) =>
    file.entries.some(
      (entry) =>
        entry.section === "Service" && entry.key === key && (entry.value === "" || !entry.value.startsWith("~")),
    ),
  );
}
