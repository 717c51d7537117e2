// What other tools find in the audit's own bad fixtures: each case is written to a folder of its own, each tool runs on the good
// files and on the broken ones, and what it says only about the broken ones counts as found.
//   node test/bench/audit-tools.js > table.md
// Tools are taken from PATH or from GIXY, KUBE_LINTER, KUBE_SCORE, CHECKOV, TRIVY (audit-tools-trivy.go); one that is missing is left out of the table.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runnerImport } from "vite";
import { otherTools, write } from "./_audit-tools.js";

const support = new URL("../support/", import.meta.url).pathname;
const { RULE_CASES } = (await runnerImport(join(support, "audit-cases.ts"))).module;
const { baseFiles, brokenFiles } = (await runnerImport(join(support, "audit-case.ts"))).module;
const { auditFiles } = (await runnerImport(join(support, "audit-files.ts"))).module;

/** Kinds of files that at least one of the tools reads; Caddyfiles, Compose, systemd and .env are read by none. */
const READ = { nginx: "nginx", kubernetes: "kubernetes", docker: "docker" };

const work = mkdtempSync(join(tmpdir(), "gigastt-audit-tools-"));
const cases = RULE_CASES.filter((item) => READ[item.base] !== undefined && !/^GA-(?:IGN|PRS|DRF)/.test(item.rule));
for (const base of Object.keys(READ)) write(join(work, `good-${base}`), baseFiles(base));
for (const [i, item] of cases.entries()) write(join(work, `case-${i}`), brokenFiles(item));

const tools = otherTools(work);

const folders = [
  ...Object.keys(READ).map((base) => [`good-${base}`, base]),
  ...cases.map((item, i) => [`case-${i}`, item.base]),
];
const said = new Map();
for (const item of tools)
  for (const [folder, checks] of await item.all(
    item.program,
    folders.filter(([, base]) => item.reads.includes(base)),
  ))
    said.set(`${item.name} ${folder}`, checks);

const names = tools.map((item) => item.name);
console.log(`| broken | gigastt audit | ${names.join(" | ")} |\n|---|---|${names.map(() => "---|").join("")}`);
const found = Object.fromEntries([["gigastt audit", 0], ...names.map((name) => [name, 0])]);
const readable = Object.fromEntries(names.map((name) => [name, 0]));
for (const [i, item] of cases.entries()) {
  const ours = auditFiles(brokenFiles(item), item).some((finding) => finding.rule === item.rule);
  if (ours) found["gigastt audit"] += 1;
  const cells = tools.map(({ name, reads }) => {
    if (!reads.includes(item.base)) return "not read";
    readable[name] += 1;
    const good = new Set(said.get(`${name} good-${item.base}`) ?? []);
    const fresh = [...new Set((said.get(`${name} case-${i}`) ?? []).filter((check) => !good.has(check)))];
    if (fresh.length > 0) found[name] += 1;
    return fresh.join(", ") || "-";
  });
  console.log(`| ${item.base}: ${item.name} | ${ours ? item.rule : "-"} | ${cells.join(" | ")} |`);
}
console.log(
  `| **found** | **${found["gigastt audit"]} of ${cases.length}** | ${names.map((name) => `**${found[name]} of ${readable[name]}**`).join(" | ")} |`,
);
console.log(`\nOn the good files, which every audit rule leaves alone:\n`);
for (const { name, reads } of tools)
  for (const base of reads)
    console.log(`- ${name}, ${base}: ${[...new Set(said.get(`${name} good-${base}`) ?? [])].join(", ") || "nothing"}`);
console.log(
  `\nOn files of other origin (test/fixtures/audit/corpus and guides):\n\n| files | gigastt audit | ${names.join(" | ")} |\n|---|---|${names.map(() => "---|").join("")}`,
);
for (const [folder, list] of await foreign()) {
  const ours = [...new Set(auditFiles(Object.fromEntries(list)).map((finding) => finding.rule))];
  const theirs = [];
  for (const item of tools) theirs.push(await item.foreign(folder));
  if (ours.length + theirs.flat().length > 0)
    console.log(
      `| ${folder} | ${[ours, ...theirs].map((checks) => [...new Set(checks)].join(", ") || "-").join(" | ")} |`,
    );
}
rmSync(work, { recursive: true, force: true });

// ---

/** Foreign files by folder, written below the work folder; the code blocks of the guides as files of their own. */
async function foreign() {
  const { readFolder, AUDIT_FIXTURES } = (await runnerImport(join(support, "audit-files.ts"))).module;
  const { maskMarkdown } = (await runnerImport(join(support, "../../src/audit/markdown.ts"))).module;
  const { createSource } = (await runnerImport(join(support, "../../src/audit/source.ts"))).module;
  const names = { nginx: "site.conf", kubernetes: "objects.yaml", dockerfile: "Dockerfile" };
  const out = [];
  for (const name of readdirSync(join(AUDIT_FIXTURES, "corpus")))
    out.push([name, Object.entries(readFolder(join(AUDIT_FIXTURES, "corpus", name)))]);
  for (const name of ["appliance.md", "hardening.md"]) {
    const text = readFileSync(join(AUDIT_FIXTURES, "guides", name), "utf8");
    const parts = maskMarkdown(createSource(name, text)).filter((part) => names[part.kind] !== undefined);
    for (const [i, part] of parts.entries())
      out.push([`${name} (${part.kind} ${i})`, [[names[part.kind], part.source.text]]]);
  }
  for (const [folder, list] of out) write(join(work, "foreign", folder), Object.fromEntries(list));
  return out;
}
