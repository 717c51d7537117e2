// Word times and confidences against the synthesizers' own knowledge: when espeak-ng (voices that nothing was learned from) and festival (new sentences) said each word, clean and
// in white noise, and how often a word of a given confidence is right. `TIMES_COUNT` sentences each, 100 by default. Needs python3 with espeak-ng's library, and festival with festvox-ru.
import { atMost, demoEngine, generator, percentile, report, toWav, transcribe } from "./_lib.js";
import { matchWords, speak } from "./_spoken.js";

const count = Number(process.env.TIMES_COUNT ?? 100);
const engine = await demoEngine();
/** Ten equal ranges of confidence: how many words, the sum of their confidences, how many were said. */
const emptyBins = () => Array.from({ length: 10 }, () => ({ count: 0, confidence: 0, right: 0 }));
const bins = emptyBins();
/** How far confidences are from how often such words are right, on average over words (expected calibration error). */
const calibrationError = (of) =>
  of.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) /
  of.reduce((sum, { count }) => sum + count, 0);
for (const synthesizer of ["espeak", "festival"]) {
  let clips;
  try {
    clips = speak(synthesizer, count, 4321);
  } catch (error) {
    console.log(`${synthesizer}: skipped, it does not run here (${String(error.message).split("\n")[0]})`);
    continue;
  }
  for (const noiseDb of [undefined, 20, 10]) {
    const off = { start: [], end: [] };
    let wrong = 0;
    const own = emptyBins();
    for (const [n, { samples, words }] of clips.entries()) {
      const heard = (await transcribe(engine, toWav(noisy(samples, noiseDb, n)))).words;
      wrong += heard.filter(({ start, end }, k) => end <= start || start < (heard[k - 1]?.end ?? 0)).length;
      const pairs = matchWords(words, heard);
      const right = new Set(pairs.map(([, word]) => word));
      for (const word of heard) {
        for (const all of [bins, own]) {
          const bin = all[Math.min(9, Math.floor(word.confidence * 10))];
          bin.count++;
          bin.confidence += word.confidence;
          bin.right += right.has(word) ? 1 : 0;
        }
      }
      for (const [spoken, word] of pairs)
        for (const edge of ["start", "end"]) off[edge].push(Math.abs(word[edge] - spoken[edge]) * 1000);
    }
    const what = `${synthesizer}${noiseDb === undefined ? "" : `, noise at ${noiseDb} dB`}`;
    const limit = (ms) => (noiseDb === undefined ? atMost(ms) : undefined);
    report(`${what}: words compared`, off.start.length, "");
    report(`${what}: empty or overlapping words`, wrong, "", atMost(0), "times");
    report(`${what}: starts, median`, percentile(off.start, 0.5), "ms", limit(40), "times");
    report(`${what}: starts, p95`, percentile(off.start, 0.95), "ms", limit(120), "times");
    report(`${what}: ends, median`, percentile(off.end, 0.5), "ms");
    report(`${what}: ends, p95`, percentile(off.end, 0.95), "ms", limit(150), "times");
    report(`${what}: expected calibration error`, calibrationError(own), "", atMost(0.05), "times");
  }
}
await engine.close();
const all = bins.reduce((sum, { count }) => sum + count, 0);
for (const { count, confidence, right } of bins.filter(({ count }) => count > 0))
  console.log(
    `confidence ${(confidence / count).toFixed(2)}: ${(right / count).toFixed(2)} of ${count} words are right`,
  );
if (all > 0) report("confidence: expected calibration error", calibrationError(bins), "", atMost(0.05), "times");

function noisy(samples, db, seed) {
  if (db === undefined) return samples;
  const random = generator(seed + 1);
  const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
  const level = Math.sqrt((3 * power) / 10 ** (db / 10));
  return samples.map((value) => value + level * (2 * random() - 1));
}
