import type { Hit, Rule } from "../../types.ts";
import { knownListeners } from "../../model/listeners.ts";
import type { Facts } from "../../model/facts.ts";
import { appUnits } from "../../model/facts.ts";
import type { Unit } from "../../model/units.ts";
import { isYes } from "../../model/units.ts";
import { addUnit, replace } from "../kit/edits.ts";

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
  [
    "SystemCallFilter=@system-service",
    1.4,
    (unit) => unit.all("Service", "SystemCallFilter").some((entry) => !entry.value.startsWith("~")),
  ],
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

/** Settings that the score does not weigh, or hardly, and that keep others out of what the server holds. */
const BESIDES: readonly (readonly [string, string, (value: string) => boolean])[] = [
  ["ProtectClock", "yes", yes],
  ["LockPersonality", "yes", yes],
  ["RemoveIPC", "yes", yes],
  ["KeyringMode", "private", (value) => value === "private"],
  ["UMask", "0077", (value) => /^0?[0-7]?77$/.test(value)],
  ["StateDirectoryMode", "0700", (value) => /^0?700$/.test(value)],
  ["CacheDirectoryMode", "0700", (value) => /^0?700$/.test(value)],
  ["RuntimeDirectoryMode", "0700", (value) => /^0?7[05]0$/.test(value)],
];

const BARE = 9.2;
const GOAL = 2;

export const rule: Rule = {
  id: "GA-SBX-007",
  severity: "warning",
  confidence: "likely",
  title: "The unit gives the server more access to the system than it needs",
  why: "systemd can take away what the server never uses: other people's files, kernel settings, namespaces, most system calls. The estimate follows `systemd-analyze security`; 2.0 is reached without any loss of function.",
  evidence: ["Measured with systemd 252: 9.2 for a bare Node unit, 1.1 with the whole list."],
  reads: ["systemd"],
  fixKind: "manual",
  *check(facts) {
    for (const unit of appUnits(facts)) {
      if (!unit.base) continue;
      const missing = GAINS.filter(
        ([setting, , present]) => !present(unit) && !(setting.startsWith("PrivateDevices") && facts.assume.flag("gpu")),
      );
      // A unit of a user's own manager runs as that user.
      const isUsers = unit.files.some(({ source }) => /(?:^|\/)systemd\/user\//.test(source.path));
      const root = !isUsers && unit.get("Service", "User") === undefined && !isYes(unit.get("Service", "DynamicUser"));
      const score =
        BARE - GAINS.reduce((sum, [, gain, present]) => sum + (present(unit) ? gain : 0), 0) + (root ? 0.4 : 0);
      const user = unit.get("Service", "User");
      if (root || user?.value === "root")
        yield {
          span: user ?? unit.span,
          message: `${unit.name} runs as root`,
          fix: "Set `User=gigastt` (a system user without a shell), or `DynamicUser=yes`.",
        };
      if (score <= GOAL + 0.05) {
        yield* rest(facts, unit, missing);
        continue;
      }
      const best = [...missing].sort((a, b) => b[1] - a[1]).slice(0, 5);
      yield {
        span: unit.span,
        message: `estimated exposure ${score.toFixed(1)} (goal ${GOAL.toFixed(1)}); the largest gains: ${best.map(([name, gain]) => `${name} (${gain.toFixed(1)})`).join(", ")}`,
        fix: "Take the unit that `gigastt render systemd` writes, or add these settings.",
        severity: "note",
      };
    }
  },
};

/** A unit that is good on the whole: what still lacks, each at its own line when it is written wrong. */
function* rest(facts: Facts, unit: Unit, missing: typeof GAINS): Generator<Hit> {
  const local = knownListeners(facts.assume).every(({ isOpen }) => !isOpen) && facts.assume.hasConfig;
  const wanted = [
    ...missing.map(([setting]) => setting.split(", ").at(-1) ?? setting),
    ...BESIDES.flatMap(([key, value, fine]) =>
      // Without the folder its mode means nothing.
      (!key.endsWith("DirectoryMode") || unit.get("Service", key.slice(0, -4))) &&
      !fine(unit.get("Service", key)?.value ?? "")
        ? [`${key}=${value}`]
        : [],
    ),
    ...(has(unit, "AmbientCapabilities") ? [] : ["AmbientCapabilities="]),
    ...(local && unit.get("Service", "IPAddressDeny")?.value !== "any" ? ["IPAddressDeny=any"] : []),
    ...(unit.get("Service", "IPAddressDeny") && !unit.get("Service", "IPAddressAllow")
      ? ["IPAddressAllow=localhost"]
      : []),
  ];
  for (const setting of wanted) {
    const key = setting.slice(0, setting.indexOf("="));
    const entry = unit.get("Service", key);
    const repeated = key === "SystemCallFilter";
    yield {
      span: entry ?? unit.span,
      message: entry && !repeated ? `${key}=${entry.value} could be ${setting}` : `${setting} is missing`,
      fix: `Set \`${setting}\`: the server does without what it takes away.`,
      edits: [entry && !repeated ? replace(entry, setting) : addUnit(unit.span, setting)],
      severity: "note",
    };
  }
}

function yes(value: string): boolean {
  return /^(?:1|yes|true|on)$/i.test(value);
}

function has(unit: Unit, key: string): boolean {
  return unit.files.some((file) =>
    file.entries.some(
      (entry) =>
        entry.section === "Service" && entry.key === key && (entry.value === "" || !entry.value.startsWith("~")),
    ),
  );
}
