// Sentences of the synthesizers with the times of their words: models/recipe/spoken_words.py.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createResampler } from "../../dist/engine/audio/resample/resample.js";

const SPEAKER = fileURLToPath(new URL("../../models/recipe/spoken_words.py", import.meta.url));

const SAYER = fileURLToPath(new URL("hotwords-say.py", import.meta.url));

/** `[{ samples, words: [{ word, start, end }] }]` at 16 kHz in voices that nothing was learned from. Throws where the synthesizer is missing. */
export function speak(engine, count, seed) {
  return run((folder) => [SPEAKER, engine, String(count), String(seed), folder]);
}

/** As `speak`, of given sentences; `index` is the sentence's. One that the synthesizer failed to say is left out. */
export function say(engine, texts, seed) {
  return run((folder) => [SAYER, engine, String(seed), folder], JSON.stringify(texts));
}

/** Names and places of the demo model's grammar. */
export function namesOfGrammar() {
  return JSON.parse(execFileSync("python3", [SAYER, "names"]).toString());
}

function run(argsFor, input = "") {
  const folder = mkdtempSync(join(tmpdir(), "gigastt-spoken-"));
  try {
    const printed = execFileSync("python3", argsFor(folder), {
      input,
      maxBuffer: 1e9,
      stdio: ["pipe", "pipe", "pipe"],
    });
    return JSON.parse(printed.toString()).map(({ file, words }) => ({
      samples: readWav(readFileSync(join(folder, file))),
      words,
      index: Number(/_(\d+)\.wav$/.exec(file)[1]),
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Samples of a mono PCM16 WAV in [-1, 1] at 16 kHz. */
export function readWav(bytes) {
  const rate = bytes.readUInt32LE(24);
  const at = bytes.indexOf("data", 12, "latin1") + 8;
  const samples = Float32Array.from(
    { length: (bytes.length - at) >> 1 },
    (_, n) => bytes.readInt16LE(at + 2 * n) / 32768,
  );
  if (rate === 16_000) return samples;
  const resampler = createResampler(rate, 16_000);
  return Float32Array.from([...resampler.push(samples), ...resampler.flush()]);
}

const bare = (word) =>
  word
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "")
    .replaceAll("ё", "е");

/** Pairs of a spoken and a heard word that are the same one, by edit distance. */
export function matchWords(spoken, heard) {
  const a = spoken.map(({ word }) => bare(word));
  const b = heard.map(({ word }) => bare(word));
  const cost = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1));
  for (let i = a.length; i >= 0; i--)
    for (let j = b.length; j >= 0; j--)
      cost[i][j] =
        i === a.length || j === b.length
          ? a.length - i + b.length - j
          : Math.min(cost[i + 1][j + 1] + (a[i] === b[j] ? 0 : 1), cost[i + 1][j] + 1, cost[i][j + 1] + 1);
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (cost[i][j] === cost[i + 1][j + 1] + (a[i] === b[j] ? 0 : 1)) {
      if (a[i] === b[j]) pairs.push([spoken[i], heard[j]]);
      i++;
      j++;
    } else if (cost[i][j] === cost[i + 1][j] + 1) i++;
    else j++;
  }
  return pairs;
}
