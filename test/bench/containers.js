// Words, their times and the speed of decoding in every container and codec, against the same recording as WAV. Needs ffmpeg.
//   node test/bench/containers.js [--clips N] [--minutes M] [--write]    default: 6 clips for the words, 10 minutes for the speed
// --write puts the table into containers.md. Ends with 1 when a lossless format has other words or
// times, when the times of a format are off as a whole, or when a decoder is slow.
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeAudio } from "../../dist/engine/audio/decode.js";
import { readLanes } from "../../dist/engine/audio/lanes.js";
import { clips, demoEngine, percentile, recording, toWav, transcribe } from "./_lib.js";
import { madeOf } from "./_formats.js";
import { matchWords } from "./_spoken.js";

const LOSSLESS = /^(?:pcm_(?!u8|s8|alaw|mulaw)|flac|alac)/;
/** Encoders for telephones take only the second. */
const SHAPES = [
  [16_000, 1],
  [8000, 1],
];
const MOST_MS = 20;
const LEAST_SPEED = 50;
const { values } = parseArgs({
  options: {
    clips: { type: "string", default: "6" },
    minutes: { type: "string", default: "10" },
    write: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "gigastt-containers-"));
const rows = new Map();
const engine = await demoEngine();
try {
  const count = Number(values.clips);
  for (const clip of clips.filter((_, i) => i % Math.ceil(clips.length / count) === 0)) {
    const wav = fileURLToPath(new URL(`../fixtures/eval/${clip.file}`, import.meta.url));
    const wanted = new Map();
    for (const made of madeOf(wav, folder, SHAPES)) {
      // Resampled for telephones it is another recording at each depth.
      if (LOSSLESS.test(made.encoder) && !made.path.includes("-16000-")) continue;
      const rate = /-(\d+)-1\./.exec(made.path)[1];
      if (!wanted.has(rate)) wanted.set(rate, await heardAt(wav, rate));
      compare(made, wanted.get(rate), await transcribe(engine, readFileSync(made.path)));
    }
  }
  const { samples } = recording(1);
  const seconds = 60 * Number(values.minutes);
  const whole = new Float32Array(16_000 * seconds);
  for (let at = 0; at < whole.length; at += samples.length) whole.set(samples.subarray(0, whole.length - at), at);
  const long = join(folder, "long.input.wav");
  writeFileSync(long, toWav(whole));
  for (const made of madeOf(long, folder, SHAPES)) {
    const row = rowOf(made);
    row.speed = Math.max(row.speed, seconds / (await decodeSeconds(made.path)));
  }
} finally {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}

const lines = [
  `| container, codec | words as in the WAV | starts and ends off, median ms | within ${MOST_MS} ms | decoded, times real time | |`,
  "|---|---|---|---|---|---|",
  ...[...rows].map(([name, { offsMs, words, speed, outs }]) => {
    const within = offsMs.filter((ms) => Math.abs(ms) <= MOST_MS).length / Math.max(1, offsMs.length);
    const median = percentile(offsMs, 0.5);
    const cells = [
      `${offsMs.length / 2} of ${words}`,
      Math.round(median),
      `${Math.round(100 * within)} %`,
      Math.round(speed),
      outs().join("; "),
    ];
    return `| ${name} | ${cells.join(" | ")} |`;
  }),
];
console.log(lines.join("\n"));
if (values.write) {
  const version = execFileSync("ffmpeg", ["-version"], { encoding: "utf8" }).split(" ")[2];
  const about =
    "# Words and speed in every container\n\n" +
    `Written by \`node test/bench/containers.js --write\`: ${values.clips} clips encoded by ffmpeg ${version}, recognised with the demo model, their words and times\n` +
    `beside those of the WAV at the same rate. Words that the codec changed have no time to compare; where it changes the sound of a word, its time may move. Speed: processor time of reading ${values.minutes} minutes to 16 kHz mono.\n\n`;
  writeFileSync(new URL("containers.md", import.meta.url), `${about}${lines.join("\n")}\n`);
}
process.exitCode = [...rows.values()].some(({ outs }) => outs().length > 0) ? 1 : 0;

// ---

async function heardAt(wav, rate) {
  const bytes = execFileSync("ffmpeg", ["-v", "error", "-i", wav, "-ar", rate, "-f", "wav", "-"], {
    maxBuffer: 2 ** 28,
  });
  return transcribe(engine, bytes);
}

function compare(made, wanted, heard) {
  const row = rowOf(made);
  row.words += wanted.words.length;
  for (const [ours, theirs] of matchWords(heard.words, wanted.words)) {
    row.offsMs.push(1000 * (ours.start - theirs.start), 1000 * (ours.end - theirs.end));
  }
}

function rowOf({ container, encoder }) {
  const name = `${container}, ${encoder}`;
  const known = rows.get(name);
  const row = known ?? {
    offsMs: [],
    words: 0,
    speed: 0,
    outs: () =>
      [
        LOSSLESS.test(encoder) && row.offsMs.length < 2 * row.words && "OUT: words differ",
        Math.abs(percentile(row.offsMs, 0.5)) > MOST_MS && "OUT: all times are off",
        LOSSLESS.test(encoder) && row.offsMs.some((ms) => Math.abs(ms) > MOST_MS) && "OUT: times differ",
        row.speed < LEAST_SPEED && "OUT: slow",
      ].filter(Boolean),
  };
  if (!known) rows.set(name, row);
  return row;
}

/** Processor time of reading a file to mono at 16 kHz. */
async function decodeSeconds(path) {
  const before = process.cpuUsage();
  const audio = await decodeAudio(createReadStream(path), { maxDurationMs: 1e9, signal: new AbortController().signal });
  let samples = 0;
  for await (const [part] of readLanes(audio, { sampleRateHz: 16_000, split: false })) samples += part.length;
  if (samples === 0) throw new Error(`${path} holds no audio`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
