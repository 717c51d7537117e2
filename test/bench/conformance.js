// How close the decoders come to ffmpeg: the same file decoded by both, mono at 16 kHz. Needs ffmpeg on the PATH.
//   node test/bench/conformance.js [FILE…]          default: all fixtures, and files that ffmpeg makes of a clip
// Prints, for each format, the worst start offset, length difference and agreement; ends with 1 when one is out of bounds.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeAudio } from "../../dist/engine/audio/decode.js";
import { readLanes } from "../../dist/engine/audio/lanes.js";
import { wordAudioProblem } from "../../dist/shared/audio-problem.js";

const RATE = 16_000;
const fixtures = fileURLToPath(new URL("../fixtures/audio/", import.meta.url));
const clip = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
/** Encoders and the containers they go into. */
const MADE = [
  ...[
    "pcm_u8",
    "pcm_s16le",
    "pcm_s24le",
    "pcm_s32le",
    "pcm_f32le",
    "pcm_f64le",
    "pcm_alaw",
    "pcm_mulaw",
    "adpcm_ms",
    "adpcm_ima_wav",
  ].map((codec) => [codec, "wav"]),
  ...["pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_f32be", "pcm_mulaw", "alac", "aac"].map((codec) => [codec, "mov"]),
  ...["libopus", "libvorbis", "flac", "libmp3lame", "mp2", "aac", "alac", "pcm_s16be"].map((codec) => [codec, "mkv"]),
  ...["libopus", "libvorbis"].map((codec) => [codec, "webm"]),
  ...["libopus", "libvorbis", "flac"].map((codec) => [codec, "ogg"]),
  ...["aac", "libopus", "flac", "libmp3lame", "alac"].map((codec) => [codec, "mp4"]),
  ["libmp3lame", "mp3"],
  ["mp2", "mp2"],
  ["aac", "adts"],
  ["flac", "flac"],
];
const SHAPES = [
  [8000, 1],
  [16_000, 1],
  [44_100, 2],
  [48_000, 2],
];
/**
 * Start offsets that are not mistakes, in milliseconds. Where a file does not say the encoder's delay, it is taken out here
 * and ffmpeg keeps it: a frame of 1024 samples at 8 kHz is 128 ms.
 */
const PRIMING_MS = {
  aac: 128,
  "matroska-aac": 128,
  "mp4-aac": 64,
  mp3: 67,
  mp2: 67,
  "wav-mp3": 67,
  "matroska-mp2": 67,
  "matroska-mp3": 67,
  "webm-vorbis": 32,
};
const LOSSLESS = /pcm|alac|flac|wav$/;

const folder = mkdtempSync(join(tmpdir(), "gigastt-conformance-"));
const rows = new Map();
try {
  const given = process.argv.slice(2);
  const files = given.length > 0 ? given : [...readdirSync(fixtures).map((name) => join(fixtures, name)), ...made()];
  for (const file of files) await compare(file);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log("format                    files  start ms  length ms  agreement dB  refused");
let isOut = false;
for (const [format, row] of [...rows].sort(([a], [b]) => a.localeCompare(b))) {
  const { files, start, length, agreement, refused } = row;
  const isLossless = LOSSLESS.test(format);
  const priming = PRIMING_MS[format] ?? 0;
  const out = start > 8 + priming || Math.abs(length) > 70 + priming || agreement < (isLossless ? 30 : 10);
  isOut ||= out;
  const cells = [files, start.toFixed(1), length.toFixed(1), Number.isFinite(agreement) ? agreement.toFixed(1) : "–"];
  console.log(
    `${format.padEnd(24)} ${cells.map((cell) => String(cell).padStart(9)).join(" ")}  ${[...refused].join("; ")}${out ? "  OUT OF BOUNDS" : ""}`,
  );
}
process.exitCode = isOut ? 1 : 0;

// ---

function* made() {
  for (const [codec, container] of MADE) {
    for (const [rate, channels] of SHAPES) {
      const path = join(folder, `${codec}-${rate}-${channels}.${container}`);
      const args = [
        "-v",
        "error",
        "-y",
        "-i",
        clip,
        "-ar",
        String(rate),
        "-ac",
        String(channels),
        "-c:a",
        codec,
        "-strict",
        "-2",
        path,
      ];
      try {
        execFileSync("ffmpeg", args, { stdio: "ignore" });
        yield path;
      } catch {
        // This encoder does not take this rate.
      }
    }
  }
}

async function compare(file) {
  let wanted;
  try {
    const args = [
      "-v",
      "quiet",
      "-i",
      file,
      "-vn",
      "-ac",
      "1",
      "-af",
      "aresample=16000:async=1:min_hard_comp=0.06:first_pts=0:filter_size=256:cutoff=0.98",
      "-f",
      "f32le",
      "-",
    ];
    const bytes = execFileSync("ffmpeg", args, { maxBuffer: 2 ** 30 });
    wanted = new Float32Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 2);
  } catch {
    return; // nothing that ffmpeg plays
  }
  if (wanted.length < RATE) return; // too little to compare
  let format = basename(file).replace(/^.*\./, "");
  try {
    const audio = await decodeAudio(createReadStream(file), {
      maxDurationMs: 4 * 3_600_000,
      signal: new AbortController().signal,
    });
    format = audio.format;
    const parts = [];
    for await (const [part] of readLanes(audio, { sampleRateHz: RATE, split: false })) parts.push(...part);
    const { lag, agreement } = align(Float32Array.from(parts), wanted);
    note(format, { start: Math.abs(lag) / 16, length: (parts.length - wanted.length) / 16, agreement });
  } catch (error) {
    if (error.problem === undefined) throw error;
    note(format, { refusal: wordAudioProblem(error.problem, "cli") });
  }
}

function note(format, { start = 0, length = 0, agreement = Number.POSITIVE_INFINITY, refusal }) {
  const row = rows.get(format) ?? {
    files: 0,
    start: 0,
    length: 0,
    agreement: Number.POSITIVE_INFINITY,
    refused: new Set(),
  };
  row.files++;
  row.start = Math.max(row.start, start);
  if (Math.abs(length) > Math.abs(row.length)) row.length = length;
  row.agreement = Math.min(row.agreement, agreement);
  if (refusal !== undefined) row.refused.add(refusal);
  rows.set(format, row);
}

/** The shift with the best correlation, and how much louder the reference is than what is left of it, levels made equal. */
function align(ours, wanted) {
  const length = Math.min(ours.length, wanted.length, 30 * RATE);
  const margin = Math.min(2400, length >> 2);
  let best = { lag: 0, score: -2 };
  for (const step of [4, 1]) {
    const [from, to] = step === 4 ? [-margin, margin] : [best.lag - 4, best.lag + 4];
    for (let lag = from; lag <= to; lag += step) {
      let product = 0;
      let energy = 1e-12;
      for (let i = margin; i < length - margin; i += step === 4 ? 7 : 1) {
        const value = ours[i + lag] ?? 0;
        product += value * wanted[i];
        energy += value * value;
      }
      const score = product / Math.sqrt(energy);
      if (step === 1 && lag === best.lag - 4) best = { lag: best.lag, score: -2 };
      if (score > best.score) best = { lag, score };
    }
  }
  let product = 0;
  let energy = 1e-12;
  for (let i = margin; i < length - margin; i++) {
    const value = ours[i + best.lag] ?? 0;
    product += value * wanted[i];
    energy += value * value;
  }
  const gain = product / energy;
  let signal = 1e-12;
  let rest = 1e-12;
  for (let i = margin; i < length - margin; i++) {
    signal += wanted[i] ** 2;
    rest += (wanted[i] - gain * (ours[i + best.lag] ?? 0)) ** 2;
  }
  return { lag: best.lag, agreement: 10 * Math.log10(signal / rest) };
}
