// Learns what Russian letters sound like, for word times: npm run build && node models/recipe/sounds.js [COUNT]
// Speaks COUNT sentences each with espeak-ng (voices of the tests left out) and festival, lays the letters of each word between the times that the
// synthesizer gives for the word, and writes mean and deviation of each letter to src/engine/align/sound-table.ts.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bestPath } from "../../dist/engine/align/best-path.js";
import { DIMENSIONS, observe, STEP_FRAMES } from "../../dist/engine/align/observe.js";
import { transpose } from "../../dist/engine/acoustic/tensors.js";
import { extractFeatures, createLogMel } from "../../dist/engine/features/log-mel.js";
import { locateModel } from "../../dist/models/locate.js";
import { generator } from "../../test/bench/_lib.js";
import { readWav } from "../../test/bench/_spoken.js";

const ROUNDS = 6;
const NOISE_DB = [60, 60, 25, 15];
/** Less would trust the synthesizers' evenness. */
const LEAST_DEVIATION = 0.7;
const count = Number(process.argv[2] ?? 300);
const here = fileURLToPath(new URL(".", import.meta.url));
const { frontEnd } = await locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {} });
const logMel = createLogMel(frontEnd);
const stepS = (STEP_FRAMES * frontEnd.hopSamples) / frontEnd.sampleRateHz;

const folder = mkdtempSync(join(tmpdir(), "gigastt-sounds-"));
let spoken;
try {
  spoken = ["espeak", "festival"].flatMap((engine, seed) => {
    const args = [join(here, "spoken_words.py"), engine, String(count), String(77 + seed), folder, "learn"];
    const clips = JSON.parse(execFileSync("python3", args, { maxBuffer: 1e9 }).toString());
    return clips.map(({ file, words }, n) => {
      const rows = extractFeatures(logMel, noisy(readWav(readFileSync(join(folder, file))), NOISE_DB[n % NOISE_DB.length], n));
      const frames = rows.length / frontEnd.melBins;
      const observed = observe(transpose(rows, frames, frontEnd.melBins), frontEnd.melBins, frames);
      return { observed, steps: observed.length / DIMENSIONS, words };
    });
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

let sounds;
for (let round = 0; round < ROUNDS; round++) {
  const sums = new Map();
  for (const { observed, steps, words } of spoken) {
    let at = 0;
    for (const { word, start, end } of words) {
      const from = Math.min(steps, Math.round(start / stepS));
      const to = Math.min(steps, Math.round(end / stepS));
      for (; at < from; at++) add(sums, "_", observed, at);
      at = to;
      const letters = [...word.toLowerCase()].filter((letter) => /[а-яё]/.test(letter) && !/[ьъ]/.test(letter));
      if (letters.length === 0 || to - from < letters.length) continue;
      const begins = lay(letters, observed, from, to - from);
      for (const [n, letter] of letters.entries())
        for (let step = begins[n]; step < begins[n + 1]; step++) {
          add(sums, letter, observed, from + step);
          add(sums, "*", observed, from + step);
        }
    }
    for (; at < steps; at++) add(sums, "_", observed, at);
  }
  sounds = new Map([...sums].map(([name, { n, sum, squares }]) => [name, toSound(n, sum, squares)]));
}

const tenths = (values) => [...values].map((value) => Math.round(value * 10)).join(" ");
const lines = [...sounds].sort().map(([name, { mean, deviation }]) => `${name} ${tenths(mean)} ${tenths(deviation)}`);
writeFileSync(
  join(here, "../../src/engine/align/sound-table.ts"),
  `/**
 * Letters, _ for a pause and * for any sound, each with means and deviations in tenths. Written by models/recipe/sounds.js from ${spoken.length}
 * sentences of synthetic speech.
 */
export const SOUND_TABLE = \`
${lines.join("\n")}
\`;
`,
);

// ---

/** Where each letter begins in `steps` steps from `from`, and the end: evenly in the first round. */
function lay(letters, observed, from, steps) {
  const even = Array.from({ length: letters.length + 1 }, (_, n) => Math.floor((n * steps) / letters.length));
  if (sounds === undefined) return even;
  const names = [...new Set(letters)];
  const states = letters.map((letter) => ({
    sound: names.indexOf(letter),
    isOptional: false,
    first: 0,
    last: steps - 1,
    expected: undefined,
  }));
  const density = (sound, step) => logDensity(sounds.get(names[sound]), observed, from + step);
  return bestPath(states, steps, density, () => 0) ?? even;
}

function logDensity({ mean, deviation }, observed, step) {
  let sum = 0;
  for (let k = 0; k < DIMENSIONS; k++) {
    const z = (observed[step * DIMENSIONS + k] - mean[k]) / deviation[k];
    sum -= 0.5 * z * z + Math.log(deviation[k]);
  }
  return sum;
}

/** White noise at so many decibels below the speech. */
function noisy(samples, db, seed) {
  const random = generator(seed + 1);
  const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  const level = Math.sqrt((3 * power) / 10 ** (db / 10));
  return samples.map((value) => value + level * (2 * random() - 1));
}

function add(sums, name, observed, step) {
  if (!sums.has(name)) sums.set(name, { n: 0, sum: new Float64Array(DIMENSIONS), squares: new Float64Array(DIMENSIONS) });
  const at = sums.get(name);
  at.n++;
  for (let k = 0; k < DIMENSIONS; k++) {
    const value = observed[step * DIMENSIONS + k];
    at.sum[k] += value;
    at.squares[k] += value * value;
  }
}

function toSound(n, sum, squares) {
  const mean = sum.map((value) => value / n);
  return { mean, deviation: squares.map((value, k) => Math.max(LEAST_DEVIATION, Math.sqrt(value / n - mean[k] ** 2))) };
}
