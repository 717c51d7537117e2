// Trees of 500 and of 50 000 files: processor time and peak memory of one whole `gigastt audit`, Node's start included. Targets: 500 configuration
// files under 2 s; the same among 50 000 files of a project under 60 s, with progress; memory does not follow the number of files. Writes audit.md.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machine } from "./_lib.js";

const fixtures = fileURLToPath(new URL("../fixtures/audit/", import.meta.url));
const bin = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const tree = mkdtempSync(join(tmpdir(), "gigastt-audit-bench-"));
/** What lies beside configuration in a home folder or a repository: text that has to be read to be told from it, and what its name tells. */
const OTHERS = [
  ["txt", "One line of a note.\n".repeat(100)],
  [
    "json",
    `${JSON.stringify({ name: "package", version: "1.0.0", files: Array.from({ length: 60 }, (_, i) => `file-${i}.bin`) }, undefined, 2)}\n`,
  ],
  ["yaml", "items:\n".concat("  - name: value\n    count: 3\n".repeat(60))],
  ["conf", "# settings of another program\n".concat("key = value\n".repeat(120))],
  ["ts", "export const value = 1;\n".repeat(80)],
  ["png", "\u0089PNG".repeat(500)],
];

let files = 0;
for (let round = 0; files < 500; round += 1)
  for (const kind of ["corpus", "base"])
    for (const name of readdirSync(join(fixtures, kind))) {
      if (files >= 500) break;
      cpSync(join(fixtures, kind, name), join(tree, String(round), name), { recursive: true });
      files += count(join(fixtures, kind, name));
    }
const rows = [];
const small = await best(3);
rows.push([files, small]);
for (const all of [10_000, 50_000]) {
  for (; files < all; files += 1) {
    const [ending, text] = OTHERS[files % OTHERS.length];
    const folder = join(tree, "project", String(Math.floor(files / 500)));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${files}.${ending}`), text);
  }
  rows.push([files, await best(1)]);
}
// Progress is for a terminal.
const shown = spawnSync("script", ["-qc", `"${process.execPath}" "${bin}" audit "${tree}" > /dev/null`, "/dev/null"], {
  encoding: "utf8",
});
const progress = (shown.stdout?.match(/\d+ of \d+ files/g) ?? []).length;
rmSync(tree, { recursive: true, force: true });
const large = rows.at(-1)[1];
const lines = [
  "# Time and memory of the audit",
  "",
  "<!-- written by test/bench/audit.js -->",
  "",
  `${new Date().toISOString().slice(0, 10)}, ${machine()}. Processor time of the whole command; the first row is the best of three. The first 500 files are configuration, the others what lies beside it.`,
  "",
  "| files | processor time | peak memory |",
  "|---|---|---|",
  ...rows.map(
    ([number, { seconds, memoryMb }]) => `| ${number} | ${seconds.toFixed(2)} s | ${memoryMb.toFixed(0)} MB |`,
  ),
  "",
  `Progress on a terminal, ${files} files: shown ${progress} times.`,
  "",
];
writeFileSync(new URL("audit.md", import.meta.url), lines.join("\n"));
console.log(lines.slice(6).join("\n"));
const missed = [
  ...(small.seconds > 2 ? ["500 files over 2 s"] : []),
  ...(large.seconds > 60 ? ["50 000 files over 60 s"] : []),
  ...(large.memoryMb > 2 * rows[1][1].memoryMb ? ["memory follows the number of files"] : []),
  ...(progress === 0 ? ["no progress"] : []),
];
if (missed.length > 0) {
  console.log(`missed: ${missed.join(", ")}`);
  process.exitCode = 1;
}

// ---

function count(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

async function best(times) {
  const runs = [];
  for (let i = 0; i < times; i += 1) runs.push(await once());
  return runs.reduce((low, run) => (run.seconds < low.seconds ? run : low));
}

/** The kernel counts the time of the child; its peak is read until it ends. */
async function once() {
  const child = spawn(
    "/bin/sh",
    ["-c", `"${process.execPath}" "${bin}" audit "${tree}" --format json > /dev/null & echo $!; wait $!; times`],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  let memoryMb = 0;
  const timer = setInterval(() => {
    const pid = Number.parseInt(said, 10);
    if (!Number.isInteger(pid)) return;
    try {
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      memoryMb = Math.max(memoryMb, Number(peak ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  }, 20);
  await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  const line = said.trim().split("\n").at(-1) ?? "";
  const seconds = [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return { seconds, memoryMb };
}
