// Hours of sound in every format: how fast they are read to 16 kHz mono, and whether memory stays flat. Needs ffmpeg.
//   node test/bench/hours.js [--hours N] [--write] [FORMAT…]    default: 3 hours, all formats; FORMAT as mp4/aac
// One minute is encoded and repeated without encoding it again. Each file is read in a process of its own, as an upload is: in order.
// --write puts each row into hours.md as soon as it is there, beside those of other formats. Ends with 1 when a format is slower than 50 times real time or memory grows.
import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeAudio } from "../../dist/engine/audio/decode.js";
import { readLanes } from "../../dist/engine/audio/lanes.js";

/** Container, encoder and what ffmpeg is told besides. */
const FORMATS = [
  ["wav", "pcm_s16le"],
  ["wav", "adpcm_ima_wav"],
  ["wav", "adpcm_ms"],
  ["wav", "libgsm_ms", "-ar 8000"],
  ["wav", "g722"],
  ["wav", "g726", "-ar 8000"],
  ["wav", "g723_1", "-ar 8000 -b:a 6300"],
  ["w64", "pcm_s16le"],
  ["aiff", "pcm_s16be"],
  ["au", "pcm_mulaw"],
  ["caf", "alac"],
  ["caf", "adpcm_ima_qt"],
  ["mp3", "libmp3lame"],
  ["mp2", "mp2"],
  ["adts", "aac"],
  ["latm", "aac"],
  ["ac3", "ac3", "-ar 32000"],
  ["eac3", "eac3", "-ar 32000"],
  ["gsm", "libgsm", "-ar 8000"],
  ["flac", "flac"],
  ["ogg", "libopus"],
  ["ogg", "libvorbis"],
  ["ogg", "flac"],
  ["ogg", "libspeex"],
  ["webm", "libopus"],
  ["matroska", "aac"],
  ["matroska", "dca", "-ar 48000"],
  ["mp4", "aac"],
  ["mp4", "aac", "-movflags +faststart"],
  ["mp4", "aac", "-movflags +frag_keyframe+empty_moov -frag_duration 1000000"],
  ["mp4", "alac", "-movflags +faststart"],
  ["mov", "pcm_s16le", "-movflags +faststart"],
  ["mpegts", "aac"],
  ["mpegts", "mp2"],
  ["asf", "wmav2"],
  ["asf", "wmav1"],
];
const HEAD = [
  "| container, codec | MiB | hours read | times real time | memory over the start, MiB | growth after the first third, MiB | |",
  "|---|---|---|---|---|---|---|",
];
/** Options that the repeating, which does not encode, needs too. Options come in pairs. */
const MUXING = new Set(["-movflags", "-frag_duration"]);
const PART_S = 60;
const LEAST_SPEED = 50;
const MEBI = 2 ** 20;
/** What the heap takes before it is collected. */
const MOST_GROWTH_MIB = 48;

if (process.argv[2] === "--read") await readOne(process.argv[3]);
else main();

// ---

function main() {
  const { values, positionals } = parseArgs({
    options: { hours: { type: "string", default: "3" }, write: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const clip = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "gigastt-hours-"));
  const lines = [];
  let isOut = false;
  try {
    for (const [container, encoder, options = ""] of FORMATS) {
      if (positionals.length > 0 && !positionals.includes(`${container}/${encoder}`)) continue;
      const path = join(folder, "long");
      const row = { container, encoder, options, path, ...make(path) };
      lines.push(lineOf(row));
      console.log(lines.at(-1));
      if (values.write) write(values.hours, lines.at(-1));
      for (const file of [path, `${path}.part`]) rmSync(file, { force: true });

      function make(to) {
        const more = options.split(" ").filter(Boolean);
        const format = ["-f", container];
        const rate = more.includes("-ar") ? [] : ["-ar", "16000"];
        const first = ["-stream_loop", "-1", "-i", clip, "-t", String(PART_S), "-ac", "1", ...rate];
        const ffmpeg = (args) => execFileSync("ffmpeg", ["-v", "error", "-y", ...args], { stdio: "ignore" });
        ffmpeg([...first, "-c:a", encoder, "-strict", "-2", ...more, ...format, `${to}.part`]);
        const times = Math.round((Number(values.hours) * 3600) / PART_S) - 1;
        const flags = more.filter((_, i) => MUXING.has(more[i - (i % 2)]));
        ffmpeg(["-stream_loop", String(times), "-i", `${to}.part`, "-c", "copy", ...flags, ...format, to]);
        const read = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--read", to], { encoding: "utf8" });
        return read.status === 0 ? JSON.parse(read.stdout) : { error: read.stderr.trim().split("\n").at(-1) };
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exitCode = isOut ? 1 : 0;

  function lineOf({ container, encoder, options, path, error, readS, cpuS, peakMiB, growthMiB }) {
    const name = [
      `${container}, ${encoder}`,
      options.replace(/-(?:ar|b:a|frag_duration) \S+ ?/g, "").replace("-movflags ", ""),
    ]
      .filter(Boolean)
      .join(" ");
    const outs = error
      ? [error]
      : [
          readS / cpuS < LEAST_SPEED && "OUT: slow",
          growthMiB > MOST_GROWTH_MIB && "OUT: memory grows",
          readS < Number(values.hours) * 3600 * 0.98 && "OUT: sound is missing",
        ].filter(Boolean);
    isOut ||= outs.length > 0;
    const cells = error
      ? ["–", "–", "–", "–", "–"]
      : [
          Math.round(statSync(path).size / MEBI),
          (readS / 3600).toFixed(2),
          Math.round(readS / cpuS),
          Math.round(peakMiB),
          Math.round(growthMiB),
        ];
    return `| ${name} | ${cells.join(" | ")} | ${outs.join("; ")} |`;
  }
}

/** After every row: an interrupted run leaves what it has, and a later one adds to it. */
function write(hours, line) {
  const file = new URL("hours.md", import.meta.url);
  const nameOf = (row) => row.split("|")[1];
  const known = existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .filter((row) => row.startsWith("| "))
    : [];
  const rows = [...known.slice(1).filter((row) => nameOf(row) !== nameOf(line)), line].sort();
  const version = execFileSync("ffmpeg", ["-version"], { encoding: "utf8" }).split(" ")[2];
  const about =
    "# Hours in every format\n\n" +
    `Written by \`node test/bench/hours.js --write\`: a minute encoded by ffmpeg ${version} and repeated to ${hours} hours, read in order to 16 kHz mono by a process of its own. Speed is by processor\n` +
    "time. Memory is the resident set: how much its peak lies over that of a process that has read nothing, and how much it grew after the first third.\n\n";
  writeFileSync(file, `${about}${[...HEAD, ...rows].join("\n")}\n`);
}

/** Reads one file and prints what it cost. */
async function readOne(path) {
  const startRss = process.memoryUsage.rss();
  const before = process.cpuUsage();
  const audio = await decodeAudio(createReadStream(path), { maxDurationMs: 1e9, signal: new AbortController().signal });
  const rss = [];
  let samples = 0;
  let nextAt = 0;
  for await (const [part] of readLanes(audio, { sampleRateHz: 16_000, split: false })) {
    samples += part.length;
    if (samples < nextAt) continue;
    nextAt = samples + 16_000 * 60;
    rss.push(process.memoryUsage.rss());
  }
  const { user, system } = process.cpuUsage(before);
  const third = Math.ceil(rss.length / 3);
  const result = {
    readS: samples / 16_000,
    cpuS: (user + system) / 1e6,
    peakMiB: (Math.max(...rss) - startRss) / MEBI,
    growthMiB: (Math.max(...rss.slice(third)) - Math.max(...rss.slice(0, third))) / MEBI,
  };
  console.log(JSON.stringify(result));
}
