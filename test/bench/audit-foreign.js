// The audit beside other tools on trees of other origin (test/fixtures/audit/foreign). What an expert would act on is in expected.txt there; what the
// other tools say is put beside it by the table below. Writes audit-foreign.md. The tools: see _audit-tools.js.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runnerImport } from "vite";
import { machine } from "./_lib.js";
import { otherTools, write } from "./_audit-tools.js";

/** Checks of other tools, by the rule that says the same; a list: any of them. `true`: an expert would act on it, and no rule of ours says it. A text: why he would not. */
const ELSEWHERE = "the Service or the namespace is made by another file";
const CPU = "a CPU limit throttles inference in the middle of a session";
const PULL = "pulling always makes a restart an upgrade, and needs the registry";
const PROBES = ["GA-LIF-012", "GA-LIF-013", "GA-LIF-014", "GA-LIF-015", "GA-LIF-017"];
const CHECKS = {
  host_spoofing: "$http_host keeps the port of the origin, and the server refuses unknown names itself",
  "container-security-context-user-group-id": "GA-SBX-001",
  "container-security-context-readonlyrootfilesystem": "GA-SBX-002",
  "container-ephemeral-storage-request-and-limit": "GA-SBX-002",
  "container-image-pull-policy": PULL,
  "container-resources": "GA-SBX-003",
  "pod-networkpolicy": "GA-SBX-005",
  "pod-probes": PROBES,
  "pod-probes-identical": PROBES,
  "deployment-has-poddisruptionbudget": "GA-LIF-016",
  "deployment-has-host-podantiaffinity": "nothing to spread with one replica",
  "statefulset-has-poddisruptionbudget": "GA-LIF-016",
  "statefulset-has-host-podantiaffinity": "nothing to spread with one replica",
  "statefulset-has-servicename": ELSEWHERE,
  "statefulset-pod-selector-labels-match-template-metadata-labels": "the labels are the same",
  "container-image-tag": "GA-SBX-004",
  "deployment-replicas": "one server has room for its sessions; a second one is a decision about load",
  "deployment-pod-selector-labels-match-template-metadata-labels": "the labels are the same",
  "ingress-targets-service": ELSEWHERE,
  "service-targets-pod": ELSEWHERE,
  "service-type": "GA-EXP-001",
  "dangling-service": ELSEWHERE,
  "dangling-ingress": ELSEWHERE,
  "no-anti-affinity": "nothing to spread with one replica",
  "no-read-only-root-fs": "GA-SBX-002",
  "run-as-non-root": "GA-SBX-001",
  "privilege-escalation-container": "GA-SBX-001",
  "privileged-container": "GA-SBX-001",
  "host-network": "GA-SBX-001",
  "docker-sock": "GA-SBX-001",
  "unset-cpu-requirements": CPU,
  "unset-memory-requirements": "GA-SBX-003",
  "latest-tag": "GA-SBX-004",
  "exposed-services": "GA-EXP-001",
  "liveness-port": PROBES,
  "readiness-port": PROBES,
  "startup-port": PROBES,
  "no-liveness-probe": PROBES,
  "no-readiness-probe": PROBES,
  "env-var-secret": "GA-EXP-013",
  "sensitive-host-mounts": "GA-SBX-001",
  "pdb-unhealthy-pod-eviction-policy": "GA-LIF-016",
  CKV_K8S_8: PROBES,
  CKV_K8S_9: PROBES,
  CKV_K8S_10: CPU,
  CKV_K8S_11: CPU,
  CKV_K8S_12: "GA-SBX-003",
  CKV_K8S_13: "GA-SBX-003",
  CKV_K8S_14: "GA-SBX-004",
  CKV_K8S_15: PULL,
  CKV_K8S_19: "GA-SBX-001",
  CKV_K8S_20: "GA-SBX-001",
  CKV_K8S_21: ELSEWHERE,
  CKV_K8S_22: "GA-SBX-002",
  CKV_K8S_23: "GA-SBX-001",
  CKV_K8S_28: "GA-SBX-001",
  CKV_K8S_29: "GA-SBX-001",
  CKV_K8S_30: "GA-SBX-001",
  CKV_K8S_31: "GA-SBX-001",
  CKV_K8S_35: "a variable of the server's own, not a secret",
  CKV_K8S_37: "GA-SBX-001",
  CKV_K8S_38: "GA-SBX-005",
  CKV_K8S_40: "GA-SBX-001",
  CKV_K8S_43: "the tag names a version",
  CKV2_K8S_6: "GA-SBX-005",
  CKV_DOCKER_2: "Compose or the orchestrator asks for health, or nothing waits for it",
  CKV_DOCKER_3: "GA-SBX-001",
  CKV_DOCKER_7: "GA-SBX-004",
  "AVD-DS-0001": "GA-SBX-004",
  "AVD-DS-0002": "GA-SBX-001",
  "AVD-DS-0026": "Compose or the orchestrator asks for health, or nothing waits for it",
  "AVD-DS-0029": "a smaller image, not a defect",
  "AVD-KSV-0001": "GA-SBX-001",
  "AVD-KSV-0003": "GA-SBX-001",
  "AVD-KSV-0004": "GA-SBX-001",
  "AVD-KSV-0009": "GA-SBX-001",
  "AVD-KSV-0011": CPU,
  "AVD-KSV-0012": "GA-SBX-001",
  "AVD-KSV-0013": "GA-SBX-004",
  "AVD-KSV-0014": "GA-SBX-002",
  "AVD-KSV-0015": CPU,
  "AVD-KSV-0016": "GA-SBX-003",
  "AVD-KSV-0018": "GA-SBX-003",
  "AVD-KSV-0020": "GA-SBX-001",
  "AVD-KSV-0021": "GA-SBX-001",
  "AVD-KSV-0023": "GA-SBX-001",
  "AVD-KSV-0030": "GA-SBX-001",
  "AVD-KSV-0032": "a list of registries is a matter of the cluster",
  "AVD-KSV-0033": "a list of registries is a matter of the cluster",
  "AVD-KSV-0034": "a list of registries is a matter of the cluster",
  "AVD-KSV-0035": "a list of registries is a matter of the cluster",
  "AVD-KSV-0104": "GA-SBX-001",
  "AVD-KSV-0105": "GA-SBX-001",
  "AVD-KSV-0106": "GA-SBX-001",
  "AVD-KSV-0109": "GA-EXP-013",
  "AVD-KSV-0110": ELSEWHERE,
  "AVD-KSV-0117": "a port below 1024 inside the pod needs no rights",
  "AVD-KSV-0118": "GA-SBX-001",
  "AVD-KSV-0125": "a list of registries is a matter of the cluster",
};

/** Where the judgement of a check is another one: replicas on one node are lost together, and an object without a selector is refused; no rule of ours says so. */
const IN_TREE = {
  "14-k8s-helm-output": { "deployment-has-host-podantiaffinity": "spread", "no-anti-affinity": "spread" },
  "b11-helm-out-sidecar": {
    "statefulset-has-host-podantiaffinity": "spread",
    "no-anti-affinity": "spread",
    "statefulset-has-servicename": "refused",
    "statefulset-pod-selector-labels-match-template-metadata-labels": "refused",
  },
};

const support = new URL("../support/", import.meta.url).pathname;
const { auditFiles, readFolder, AUDIT_FIXTURES } = (await runnerImport(join(support, "audit-files.ts"))).module;
const folder = join(AUDIT_FIXTURES, "foreign");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const expected = new Map(
  readFileSync(join(folder, "expected.txt"), "utf8")
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [name, ...lines] = part.trimEnd().split("\n");
      return [name, new Set(lines.map((line) => line.split(" ")[1]))];
    }),
);
const work = mkdtempSync(join(tmpdir(), "gigastt-audit-foreign-"));
for (const name of names) write(join(work, "foreign", name), readFolder(join(folder, name)));

const tools = otherTools(work);
const columns = ["gigastt audit", ...tools.map(({ name }) => name)];
const sums = Object.fromEntries(columns.map((name) => [name, { act: 0, missed: 0, wrong: 0 }]));
const rows = [];
const dismissed = new Map();
const unknown = new Set();
for (const name of names) {
  const found = auditFiles(readFolder(join(folder, name)));
  const loud = new Set(found.filter(({ severity }) => severity !== "note").map(({ rule }) => rule));
  const notes = new Set(found.map(({ rule }) => rule));
  // Rules that the expert's list has, and what another tool found besides.
  const truth = new Set(expected.get(name));
  const said = [];
  for (const tool of tools) {
    const act = new Set();
    const wrong = new Set();
    for (const check of new Set(await tool.foreign(name))) {
      const besides = IN_TREE[name]?.[check];
      const is = besides === undefined ? CHECKS[check] : true;
      if (is === undefined) unknown.add(`${tool.name} ${check} (${name})`);
      const rules = (Array.isArray(is) ? is : [is]).filter((rule) => String(rule).startsWith("GA-"));
      const same = rules.find((rule) => truth.has(rule));
      if (is === true) {
        truth.add(besides ?? check);
        act.add(besides ?? check);
      } else if (same !== undefined) act.add(same);
      // Small beside what has to be done: a note of ours, nobody's merit.
      else if (!rules.some((rule) => notes.has(rule))) {
        wrong.add(check);
        dismissed.set(check, rules.length > 0 ? "the tree does what it asks for" : is);
      }
    }
    said.push({ act, wrong });
  }
  const ours = {
    act: new Set([...loud].filter((rule) => truth.has(rule))),
    wrong: new Set([...loud].filter((rule) => !truth.has(rule))),
  };
  const cells = [ours, ...said].map(({ act, wrong }, i) => {
    const sum = sums[columns[i]];
    sum.act += act.size;
    sum.missed += truth.size - act.size;
    sum.wrong += wrong.size;
    return act.size + wrong.size === 0 ? "-" : `${act.size}${wrong.size > 0 ? `, wrong ${wrong.size}` : ""}`;
  });
  rows.push(`| ${name} | ${truth.size} | ${cells.join(" | ")} |`);
}
rmSync(work, { recursive: true, force: true });
if (unknown.size > 0) {
  console.log(`checks that are not in the table: ${[...unknown].join(", ")}`);
  process.exitCode = 1;
}
const lines = [
  "# The audit beside other tools on trees of other origin",
  "",
  "<!-- written by test/bench/audit-foreign.js -->",
  "",
  `${names.length} trees (test/fixtures/audit/foreign), ${new Date().toISOString().slice(0, 10)}, ${machine()}.`,
  `Tools: ${tools.map(({ name, version }) => `${name} (${version})`).join(", ")}.`,
  "",
  "Counted are rules, each once for a tree. Act: what the expert's list of the tree has (`expected.txt`, errors and warnings). Missed: what that list has and the tool does not say. Wrong: what an expert would dismiss. A check that only repeats a note of the audit counts nowhere. Our own column follows from the list, which a test keeps equal to what the audit says: it shows what others add, not that the audit is without faults.",
  "",
  `| | ${columns.join(" | ")} |`,
  `|---|${columns.map(() => "---|").join("")}`,
  ...["act", "missed", "wrong"].map((key) => `| ${key} | ${columns.map((name) => sums[name][key]).join(" | ")} |`),
  "",
  `| tree | to act on | ${columns.join(" | ")} |`,
  `|---|---|${columns.map(() => "---|").join("")}`,
  ...rows,
  "",
  "## Dismissed",
  "",
  ...[...dismissed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([check, reason]) => `- ${check}: ${reason}`),
  "",
];
writeFileSync(new URL("audit-foreign.md", import.meta.url), lines.join("\n"));
console.log(lines.slice(4, 15).join("\n"));
