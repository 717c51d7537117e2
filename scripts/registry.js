// The lists of commands, route handlers, rules, live probes and host checks: each is written from the files of its folder, so that a
// new one is a file and nothing else. Every build writes them first; a test compares them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { renderCommands } from "./commands.js";
import { renderHandlers } from "./handlers.js";

const LISTS = [
  {
    file: "src/audit/rules/registry.ts",
    folder: "src/audit/rules",
    below: ".",
    families: "../families.ts",
    item: "rule",
    list: "rules",
    type: "Rule",
    from: "../types.ts",
    says: "Every rule about files, in the order of the catalogue.",
  },
  {
    file: "src/checks/live/registry.ts",
    folder: "src/checks/live/probes",
    below: "./probes",
    families: "../../audit/families.ts",
    item: "probe",
    list: "probes",
    type: "Probe",
    from: "./probe.ts",
    says: "Every live probe, in the order of the catalogue.",
  },
  {
    file: "src/checks/host/registry.ts",
    folder: "src/checks/host/checks",
    below: "./checks",
    families: "../../audit/families.ts",
    item: "check",
    list: "hostChecks",
    type: "HostCheck",
    from: "./check.ts",
    says: "Every check of the machine, in the order of the catalogue.",
  },
];

/** Path → text of every generated list. */
export function registries(root) {
  return new Map([
    ["src/cli/registry.ts", renderCommands(root)],
    ["src/runtime/handlers.ts", renderHandlers(root)],
    ...LISTS.map((spec) => [spec.file, registry(root, spec)]),
  ]);
}

function registry(root, { folder, below, item, list, type, from, says, families }) {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => readFileSync(join(root, folder, name), "utf8").includes(`\nexport const ${item}: `))
    .sort();
  const local = (name) => name.slice(0, -3).replace(/[^a-z0-9]+([a-z0-9])/g, (_, next) => next.toUpperCase());
  return [
    "// Written by scripts/registry.js from the files below this folder. Do not edit: every build writes it.",
    `import { inCatalogueOrder } from "${families}";`,
    `import type { ${type} } from "${from}";`,
    ...names.map((name) => `import { ${item} as ${local(name)} } from "${below}/${name}";`),
    "",
    `/** ${says} */`,
    `export const ${list}: readonly ${type}[] = inCatalogueOrder([`,
    ...names.map((name) => `  ${local(name)},`),
    "]);",
    "",
  ].join("\n");
}
