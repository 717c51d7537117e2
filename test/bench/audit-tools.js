// What other tools find in the audit's own bad fixtures: each case is written to a folder of its own, each tool runs on the good
// files and on the broken ones, and what it says only about the broken ones counts as found.
//   node test/bench/audit-tools.js > table.md
// Tools are taken from PATH or from GIXY, KUBE_LINTER, KUBE_SCORE, CHECKOV, TRIVY (audit-tools-trivy.go); one that is missing is left out of the table.
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { runnerImport } from "vite";

const run = promisify(execFile);
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

const tools = [
  tool("gixy", "GIXY", ["--version"], ["nginx"], gixy),
  tool("kube-linter", "KUBE_LINTER", ["version"], ["kubernetes"], kubeLinter),
  tool("kube-score", "KUBE_SCORE", ["version"], ["kubernetes"], kubeScore),
  tool("checkov", "CHECKOV", ["--version"], ["kubernetes", "docker"], checkov),
  tool("trivy", "TRIVY", ["--version"], ["kubernetes", "docker"], trivy),
].filter((item) => item !== undefined);

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

function write(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function tool(name, variable, version, reads, all) {
  const program = process.env[variable] ?? name;
  const answer = spawnSync(program, version, { encoding: "utf8" });
  if (answer.error || answer.status !== 0) return undefined;
  console.error(`${name}: ${(answer.stdout || answer.stderr).trim().split("\n")[0]}`);
  // The same tool on a folder of foreign files; checkov takes seconds to start and reads all of them at once.
  let once;
  const onForeign = async (folder) => {
    const at = join("foreign", folder);
    if (name === "checkov") {
      once ??= await checkovFailed(program, join(work, "foreign"));
      return once.filter((check) => check.file_path.split("/")[1] === folder).map((check) => check.check_id);
    }
    if (name === "trivy") {
      once ??= await trivyFailed(program, join(work, "foreign"));
      return once.filter((check) => check.Folder === folder).map((check) => check.ID);
    }
    if (name !== "gixy") return (await all(program, [[at]]))[0]?.[1] ?? [];
    const files = readdirSync(join(work, at), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const found = [];
    for (const entry of files) {
      const path = join(entry.parentPath, entry.name);
      // Fragments are no nginx.conf: gixy takes a server block by itself.
      if (
        !/\b(?:server|location|http)\b[^;]*\{/.test(readFileSync(path, "utf8")) ||
        !/\.(?:conf|inc)$|sites-|nginx/.test(path)
      )
        continue;
      const text = await output(program, ["-f", "json", path], work);
      if (text.trim().startsWith("[")) found.push(...JSON.parse(text).map((issue) => issue.plugin));
    }
    return found;
  };
  return { name, program, reads, all, foreign: onForeign };
}

/** The answer of a tool that exits with 1 when it finds something. */
async function output(program, args, cwd) {
  try {
    return (await run(program, args, { cwd, maxBuffer: 64 * 2 ** 20 })).stdout;
  } catch (error) {
    return error.stdout ?? "";
  }
}

async function gixy(program, list) {
  const out = [];
  for (const [folder] of list) {
    const text = await output(program, ["-f", "json", join(work, folder, "nginx.conf")], work);
    out.push([folder, text.trim() === "" ? [] : JSON.parse(text).map((issue) => issue.plugin)]);
  }
  return out;
}

async function kubeLinter(program, list) {
  const out = [];
  for (const [folder] of list) {
    const reports =
      JSON.parse((await output(program, ["lint", join(work, folder), "--format", "json"], work)) || "{}").Reports ?? [];
    out.push([folder, reports.map((report) => report.Check)]);
  }
  return out;
}

async function kubeScore(program, list) {
  const out = [];
  for (const [folder] of list) {
    const text = await output(
      "sh",
      ["-c", `"${program}" score -o json $(find "${join(work, folder)}" -name "*.y*ml" -o -name "*.json")`],
      work,
    );
    const checks = (text.trim().startsWith("[") ? JSON.parse(text) : []).flatMap((object) => object.checks ?? []);
    out.push([
      folder,
      checks.filter((item) => !item.skipped && item.grade > 0 && item.grade < 10).map((item) => item.check.id),
    ]);
  }
  return out;
}

async function checkov(program, list) {
  const failed = await checkovFailed(program, work);
  return list.map(([folder]) => [
    folder,
    failed.filter((check) => check.file_path.split("/")[1] === folder).map((check) => check.check_id),
  ]);
}

async function checkovFailed(program, folder) {
  const text = await output(
    program,
    ["-d", folder, "--framework", "kubernetes", "dockerfile", "--quiet", "--compact", "-o", "json"],
    work,
  );
  const parsed = JSON.parse(text || "[]");
  return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((part) => part.results?.failed_checks ?? []);
}

async function trivy(program, list) {
  const failed = await trivyFailed(program, work);
  return list.map(([folder]) => [folder, failed.filter((check) => check.Folder === folder).map((check) => check.ID)]);
}

async function trivyFailed(program, folder) {
  return JSON.parse((await output(program, [folder], work)) || "[]");
}
