// What the appliance writes to its SD card: an idle hour, and the work of a busy day in a few minutes. Everything it keeps is on an ext4 file system of
// its own, in a file; the kernel counts the sectors that reach that device, strace the bytes by file. Needs root, mkfs.ext4, losetup and strace.
//   npm run bench disk-writes [-- --idle-min 60 --write]
// `--write` writes disk-writes.md beside this file.
import { execFileSync, spawn } from "node:child_process";
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { atMost, clipBytes, clips, machine, report, toPcm, clipSamples } from "./_lib.js";

const { values: given } = parseArgs({
  options: { "idle-min": { type: "string", default: "60" }, write: { type: "boolean", default: false } },
});
const IDLE_MIN = Number(given["idle-min"]);
/** A household's day: voice notes, commands to the house, a few recordings to keep. */
const DAY = { files: 300, sessions: 300, jobs: 30 };
/** What has been written reaches the device within this time: ext4 commits every 5 s, the kernel writes back after 30. */
const SETTLE_MS = 40_000;
const PORT = 9911;
const cli = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-disk-"));
const disk = join(dir, "disk");
const trace = join(dir, "trace");
const url = `http://127.0.0.1:${PORT}`;

execFileSync("truncate", ["-s", "2G", join(dir, "image")]);
execFileSync("mkfs.ext4", ["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", join(dir, "image")]);
const loop = execFileSync("losetup", ["--find", "--show", join(dir, "image")])
  .toString()
  .trim();
mkdirSync(disk);
execFileSync("mount", ["-o", "relatime", loop, disk]);
const rows = [];
let child;
try {
  writeFileSync(
    join(disk, "gigastt.config.yaml"),
    `server: { port: ${PORT} }\nmetrics: { enabled: true }\njobs: { enabled: true }\narchive: { enabled: true, shared: true }\n`,
  );
  const calls = "write,pwrite64,writev,pwritev,pwritev2,ftruncate,fsync,fdatasync";
  child = spawn(
    "strace",
    [
      "-f",
      "--seccomp-bpf",
      "-qq",
      "-y",
      "-s",
      "0",
      "-e",
      `trace=${calls}`,
      "-o",
      trace,
      process.execPath,
      cli,
      "up",
      "--state-dir",
      join(disk, "state"),
    ],
    {
      cwd: disk,
      env: {
        ...process.env,
        HOME: disk,
        XDG_DATA_HOME: join(disk, "data"),
        XDG_CACHE_HOME: join(disk, "cache"),
        XDG_STATE_HOME: join(disk, "xdg-state"),
      },
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
    },
  );
  await ready();
  await settled();
  await measure("idle", async () => sleep(IDLE_MIN * 60_000), IDLE_MIN / 60);
  await measure("busy day", busyDay, 1);
} finally {
  if (child !== undefined) {
    child.kill("SIGTERM");
    execFileSync(process.execPath, [cli, "down", "--now", "--state-dir", join(disk, "state")], {
      cwd: disk,
      stdio: "ignore",
    });
  }
  await sleep(2000);
  execFileSync("umount", ["-l", disk]);
  execFileSync("losetup", ["-d", loop]);
  rmSync(dir, { recursive: true, force: true });
}
const [idle, day] = rows;
report("an idle hour", idle.deviceMb / idle.units, "MB", atMost(1));
report("a busy day", day.deviceMb + 24 * (idle.deviceMb / idle.units), "MB", atMost(50));
if (given.write) {
  const table = rows.map(
    ({
      name,
      units,
      deviceMb,
      files,
    }) => `## ${name === "idle" ? `Idle, ${IDLE_MIN} minutes` : "The work of a busy day"}

${(deviceMb / units).toFixed(2)} MB reach the device${name === "idle" ? " in an hour" : ""}, the file system's own journal included.

| file | written, KB | writes | flushes |
|---|---:|---:|---:|
${files.map(({ file, bytes, writes, flushes }) => `| \`${file}\` | ${(bytes / 1000).toFixed(1)} | ${writes} | ${flushes} |`).join("\n")}
`,
  );
  writeFileSync(
    new URL("disk-writes.md", import.meta.url),
    `# What is written to the disk

Written by \`npm run bench disk-writes -- --write\` (${machine()}). Configuration, state, data and cache are on an ext4 file system of their own; jobs, archive and metrics are on.
A busy day: ${DAY.files} files of 3 to 9 s, ${DAY.sessions} live sessions, ${DAY.jobs} jobs, all archived. Limits: 1 MB for an idle hour, 50 MB for a busy day with its idle hours:
${(idle.deviceMb / idle.units).toFixed(2)} MB and ${(day.deviceMb + (24 * idle.deviceMb) / idle.units).toFixed(1)} MB.

${table.join("\n")}`,
  );
}

// ---

async function ready() {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(500);
  }
  throw new Error("it did not become ready");
}

async function settled() {
  await sleep(SETTLE_MS);
  execFileSync("sync", ["-f", disk]);
}

function sectorsMb() {
  const fields = readFileSync(`/sys/block/${basename(loop)}/stat`, "utf8")
    .trim()
    .split(/\s+/);
  return (Number(fields[6]) * 512) / 1e6;
}

async function measure(name, action, units) {
  const before = sectorsMb();
  const from = execFileSync("wc", ["-c", trace]).toString().split(" ")[0];
  await action();
  await settled();
  rows.push({ name, units, deviceMb: sectorsMb() - before, files: await byFile(Number(from)) });
}

/** Bytes, writes and flushes by file, most bytes first; files of one job or upload are one row. */
async function byFile(from) {
  const files = new Map();
  for await (const line of createInterface({ input: createReadStream(trace, { start: from }) })) {
    const [, call, path, result] = /(\w+)\(\d+<([^>]*)>.*= (\d+)$/.exec(line) ?? [];
    if (path === undefined || !path.startsWith(disk)) continue;
    const file = relative(disk, path)
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9A-Za-z_-]{20,}/g, "…")
      .replace(/\d{4,}/g, "…");
    const sum = files.get(file) ?? { file, bytes: 0, writes: 0, flushes: 0 };
    if (call.startsWith("f")) sum.flushes += Number(call !== "ftruncate");
    else Object.assign(sum, { bytes: sum.bytes + Number(result), writes: sum.writes + 1 });
    files.set(file, sum);
  }
  return [...files.values()].sort((a, b) => b.bytes - a.bytes).slice(0, 15);
}

async function busyDay() {
  const bytesOf = (n) => clipBytes(clips[n % clips.length].file);
  const post = async (path, body) => {
    const answer = await fetch(`${url}${path}`, { method: "POST", body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  for (let n = 0; n < DAY.files; n++) await post("/v1/transcribe", bytesOf(n));
  for (let n = 0; n < DAY.sessions; n++) await speak(toPcm(clipSamples(clips[n % clips.length].file)));
  for (let n = 0; n < DAY.jobs; n++) {
    const { job_id: id } = await post("/v1/jobs", bytesOf(n));
    for (let status = ""; status !== "done"; await sleep(200)) {
      ({ status } = await (await fetch(`${url}/v1/jobs/${id}`)).json());
      if (status === "failed") throw new Error(`job ${id} failed`);
    }
  }
}

function speak(pcm) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${PORT}/v1/ws`);
    socket.once("error", reject);
    socket.once("close", () => resolve());
    socket.once("open", () => {
      socket.send(JSON.stringify({ type: "configure", sample_rate: 16_000 }));
      for (let at = 0; at < pcm.length; at += 32_000) socket.send(pcm.subarray(at, at + 32_000));
      socket.send(JSON.stringify({ type: "stop" }));
    });
  });
}
