// How close the decoders come to ffmpeg: the same file decoded by both, at its own rate, channel by channel. Needs ffmpeg.
//   node test/bench/conformance.js [--seconds N] [--write] [FILE…]    default: all fixtures, and files that ffmpeg makes of a clip
// --seconds N compares a sample: one format after the other in a shuffled order (TEST_SEED), for so long; at least eight.
// Prints, for each format, the worst start offset, length difference and agreement; --write puts the table into conformance.md.
// Ends with 1 when one is out of bounds.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeAudio } from "../../dist/engine/audio/decode.js";
import { readLanes } from "../../dist/engine/audio/lanes.js";
import { FORMATS, madeOf } from "./_formats.js";
import { wordAudioProblem } from "../../dist/shared/audio-problem.js";

const fixtures = fileURLToPath(new URL("../fixtures/audio/", import.meta.url));
const clip = fileURLToPath(new URL("../fixtures/eval/dev_espeak_07.wav", import.meta.url));
/** Rates and channels. */
const SHAPES = [
  [16_000, 1],
  [44_100, 2],
  [8000, 1],
  [48_000, 2],
  [22_050, 1],
  [48_000, 6],
];
/**
 * Samples that ffmpeg plays and gigastt leaves out: where a file does not say its encoder's delay, the decoder's part of it is
 * known all the same.
 */
const LEFT_OUT = {
  aac: [1024],
  "aac-latm": [1024],
  "matroska-aac": [1024],
  "mp4-aac": [1024],
  mp3: [529, 1105],
  mp2: [481],
  "wav-mp3": [529, 1105],
  "asf-mp3": [529, 1105],
  "mp4-mp3": [529, 1105],
  "matroska-mp2": [481],
  "matroska-mp3": [529, 1105],
};
const LOSSLESS = /pcm|alac|flac|^wav$|^w64$|^au$|^aiff$/;
/** Of each kind, however slow the machine. */
const LEAST_SAMPLES = 4;
/** The last one where rate or channels change inside a file: two resamplers are compared, too. */
const BOUNDS = { startMs: 1, lengthMs: 5, losslessDb: 60, lossyDb: 30, resampledDb: 25 };

/** Files whose difference is meant, and why. */
const KNOWN = {
  "delay.mkv": "time stamps are whole milliseconds, the encoder's delay of 6.5 ms is not",
  "gap.webm": "as delay.mkv",
  "amr-nb-pauses.amr": "ffmpeg leaves pauses out",
  "two-tracks.m2t": "ffmpeg leaves the delay of the audio out when it skips the video",
};
/** Samples that ffmpeg 5.1 plays behind the end that an edit list or the last page gives. */
const PADDING = 1151;

const FILTER = ["-af", "aresample=async=1:min_hard_comp=0.06:first_pts=0"];
const SHARP = "filter_size=256:cutoff=0.98";
const MONO = [
  ["-ac", "1", "-af", `aresample=16000:${SHARP}`],
  ["-ac", "1", "-af", `aresample=16000:async=1:min_hard_comp=0.06:first_pts=0:${SHARP}`],
];

const { values, positionals: given } = parseArgs({
  options: { seconds: { type: "string" }, write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), "gigastt-conformance-"));
const rows = new Map();
try {
  if (given.length > 0) for (const file of given) await compare(file);
  else if (values.seconds === undefined) {
    for (const name of readdirSync(fixtures)) await compare(join(fixtures, name));
    for (const { path } of madeOf(clip, folder, SHAPES)) await compare(path);
  } else await compareSample(1000 * Number(values.seconds));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const sorted = [...rows].sort(([a], [b]) => a.localeCompare(b));
const lines = [
  "| format | files | start, ms | length, ms | agreement, dB | |",
  "|---|---|---|---|---|---|",
  ...sorted.map(([format, { files, start, length, agreement, notes }]) => {
    const decibels = agreement === Number.POSITIVE_INFINITY ? "–" : agreement >= 140 ? "equal" : agreement.toFixed(0);
    return `| ${format} | ${files} | ${start.toFixed(2)} | ${length.toFixed(1)} | ${decibels} | ${[...notes].join("; ")} |`;
  }),
];
console.log(lines.join("\n"));
if (values.write) {
  const version = execFileSync("ffmpeg", ["-version"], { encoding: "utf8" }).split(" ")[2];
  const about =
    "# Decoders against ffmpeg\n\n" +
    `Written by \`node test/bench/conformance.js --write\`, against ffmpeg ${version}. Both decode the same files at their own rate; for each format the worst of them: how far\n` +
    "the start is off, how much longer or shorter the recording is, and how much louder the sound is than the difference.\n\n";
  writeFileSync(new URL("conformance.md", import.meta.url), `${about}${lines.join("\n")}\n`);
}
process.exitCode = sorted.some(([, { notes }]) => [...notes].some((note) => note.startsWith("OUT OF BOUNDS"))) ? 1 : 0;

// ---

/** A fixture and a file that ffmpeg makes, in turn, until the time is over. */
async function compareSample(budgetMs) {
  const until = performance.now() + budgetMs;
  const names = shuffled(readdirSync(fixtures));
  const made = shuffled(FORMATS);
  for (let i = 0; i < Math.max(names.length, made.length); i++) {
    if (i >= LEAST_SAMPLES && performance.now() > until) return;
    if (names[i]) await compare(join(fixtures, names[i]));
    if (made[i])
      for (const { path } of madeOf(clip, folder, [SHAPES[i % SHAPES.length]], [made[i]])) await compare(path);
  }
}

function shuffled(items) {
  let state = Number(process.env.TEST_SEED ?? 20_261_129) || 1;
  return items
    .map((item) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return { item, key: state };
    })
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

async function compare(file) {
  // Pauses become silence only with a filter, which for its part makes mistakes at the start: the nearer of both counts.
  const plain = playedBy(file, []);
  // Too little to compare, or nothing that ffmpeg plays.
  if (!plain || plain.channels[0].length < plain.rate / 2) return;
  const name = basename(file);
  try {
    const ours = await decoded(file);
    let best = measure(ours, plain, () => playedBy(file, MONO[0]));
    if (best.outs.length > 0) {
      const second = measure(ours, playedBy(file, FILTER), () => playedBy(file, MONO[1]));
      if (costOf(second) < costOf(best)) best = second;
    }
    const row = rowOf(ours.format);
    row.files++;
    if (best.outs.length === 0 || !(name in KNOWN)) {
      row.start = Math.max(row.start, best.startMs);
      row.length = Math.max(row.length, best.lengthMs);
      row.agreement = Math.min(row.agreement, best.agreement);
    }
    if (best.outs.length > 0) {
      row.notes.add(name in KNOWN ? `${name}: ${KNOWN[name]}` : `OUT OF BOUNDS ${name}: ${best.outs.join(", ")}`);
    }
  } catch (error) {
    if (error.problem === undefined) throw error;
    const row = rowOf(name.replace(/^.*\./, ""));
    row.files++;
    row.notes.add(`refused: ${wordAudioProblem(error.problem, "cli").replace(/:[^:]*$/, "")}`);
  }
}

function costOf({ outs, startMs, lengthMs }) {
  return outs.length * 1e6 + startMs + lengthMs;
}

/** How far apart two readings are, and which bounds that breaks. */
function measure(ours, reference, makeMono) {
  const isAlike = ours.rate === reference.rate && ours.channels.length === reference.channels.length;
  const wanted = isAlike ? reference : makeMono();
  const { rate, channels } = isAlike ? ours : { rate: 16_000, channels: [ours.mono] };
  let lag = 0;
  let agreement = Number.POSITIVE_INFINITY;
  for (const [i, samples] of channels.entries()) {
    const found = align(samples, wanted.channels[i], rate);
    lag = Math.abs(found.lag) > Math.abs(lag) ? found.lag : lag;
    agreement = Math.min(agreement, found.level);
  }
  const scale = isAlike ? 1 : 16_000 / reference.rate;
  // HE-AAC counts at half of its rate.
  const leftOut = [0, ...(LEFT_OUT[ours.format] ?? []).flatMap((samples) => [samples * scale, 2 * samples * scale])];
  const nearest = leftOut.reduce((best, samples) => (Math.abs(lag + samples) < Math.abs(lag + best) ? samples : best));
  const startMs = (Math.abs(lag + nearest) * 1000) / rate;
  const shorter = wanted.channels[0].length - nearest - channels[0].length;
  const isPadding =
    /^(?:mp4-(?:aac|mp3|vorbis)|ogg-speex)/.test(ours.format) && shorter >= 0 && shorter <= 2 * PADDING * scale;
  const lengthMs = isPadding ? 0 : (Math.abs(shorter) * 1000) / rate;
  const least = isAlike ? (LOSSLESS.test(ours.format) ? BOUNDS.losslessDb : BOUNDS.lossyDb) : BOUNDS.resampledDb;
  const outs = [
    startMs > BOUNDS.startMs && `start ${startMs.toFixed(1)} ms`,
    lengthMs > BOUNDS.lengthMs && `length ${((-shorter * 1000) / rate).toFixed(1)} ms`,
    agreement < least && `${agreement.toFixed(0)} dB`,
  ].filter(Boolean);
  return { startMs, lengthMs, agreement, outs };
}

function rowOf(format) {
  const known = rows.get(format);
  const row = known ?? { files: 0, start: 0, length: 0, agreement: Number.POSITIVE_INFINITY, notes: new Set() };
  if (!known) rows.set(format, row);
  return row;
}

/** What ffmpeg makes of a file: planar samples at its own rate; undefined when it plays nothing. */
function playedBy(file, filter) {
  try {
    // ffmpeg's own decoder of Opus resamples the lower rates in its own way.
    const decoder = /opus|\.(?:webm|mk[av])$/.test(file) && isOpus(file) ? ["-c:a", "libopus"] : [];
    const args = ["-v", "quiet", ...decoder, "-i", file, "-vn", ...filter, "-c:a", "pcm_f32le", "-f", "wav", "-"];
    const bytes = execFileSync("ffmpeg", args, { maxBuffer: 2 ** 30 });
    const count = bytes.readUInt16LE(22);
    const data = bytes.subarray(bytes.indexOf("data") + 8);
    const samples = new Float32Array(new Uint8Array(data).buffer, 0, data.length >> 2);
    const frames = Math.floor(samples.length / count);
    const channels = Array.from({ length: count }, () => new Float32Array(frames));
    for (let i = 0; i < frames * count; i++) channels[i % count][Math.floor(i / count)] = samples[i];
    const isTwice = count === 2 && channels[0].every((value, i) => value === channels[1][i]);
    return { channels: isTwice ? [channels[0]] : channels, rate: bytes.readUInt32LE(24) };
  } catch {
    return undefined;
  }
}

function isOpus(file) {
  const args = ["-v", "quiet", "-select_streams", "a:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0", file];
  return execFileSync("ffprobe", args, { encoding: "utf8" }).trim() === "opus";
}

/** What gigastt makes of it: planar samples, where they have one shape, and mono at 16 kHz. */
async function decoded(file) {
  const options = { maxDurationMs: 4 * 3_600_000, signal: new AbortController().signal };
  const audio = await decodeAudio(createReadStream(file), options);
  const blocks = [];
  for await (const block of audio.blocks)
    blocks.push({ ...block, channels: block.channels.map((samples) => samples.slice()) });
  const [{ sampleRateHz: rate, channels: first }] = blocks;
  const isEven = blocks.every(
    ({ sampleRateHz, channels }) => sampleRateHz === rate && channels.length === first.length,
  );
  let channels = isEven ? first.map((_, i) => joined(blocks.map((block) => block.channels[i]))) : [];
  if (channels.length === 2 && channels[0].every((value, i) => value === channels[1][i])) channels = [channels[0]];
  const parts = [];
  for await (const [part] of readLanes({ ...audio, blocks }, { sampleRateHz: 16_000, split: false })) parts.push(part);
  return { format: audio.format, rate, channels, mono: joined(parts) };
}

function joined(parts) {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The shift with the best correlation, and how much louder the reference is than what is left of it, in decibels. */
function align(ours, wanted, rate) {
  const length = Math.min(ours.length, wanted.length, 20 * rate);
  const margin = Math.min(Math.round(rate * 0.15), length >> 2);
  const score = (lag, stride) => {
    let product = 0;
    let energy = 1e-12;
    for (let i = margin; i < length - margin; i += stride) {
      const value = ours[i + lag] ?? 0;
      product += value * wanted[i];
      energy += value * value;
    }
    return product / Math.sqrt(energy);
  };
  let best = 0;
  const coarse = Math.max(1, Math.round(rate / 8000));
  for (const [step, stride, reach] of [
    [coarse, 2 * coarse + 1, margin],
    [1, 1, coarse],
  ]) {
    const center = best;
    let top = Number.NEGATIVE_INFINITY;
    for (let lag = center - reach; lag <= center + reach; lag += step) {
      // The same place, where it is as good as any.
      const found = score(lag, stride) + (lag === 0 ? 1e-9 : 0);
      if (found > top) [top, best] = [found, lag];
    }
  }
  let signal = 1e-12;
  let rest = 1e-13;
  for (let i = margin; i < length - margin; i++) {
    signal += wanted[i] ** 2;
    rest += (wanted[i] - (ours[i + best] ?? 0)) ** 2;
  }
  return { lag: best, level: signal < 1e-6 ? 200 : 10 * Math.log10(signal / rest) };
}
