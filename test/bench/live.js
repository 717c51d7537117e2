// What live streams cost and how late their words are, in simulated time (_virtual.js): dialog and lecture, one stream to many.
//   npm run bench live [-- --streams 1,4,8,16 --seconds 90 --max 24]
// In lectures the late words are those that the demo model hears otherwise in the whole window: their p95 misses its target (ADR 0041).
import { parseArgs } from "node:util";
import {
  atMost,
  clips,
  clipSamples,
  createScore,
  finalText,
  generator,
  percentile,
  report,
  speechBounds,
  toPcm,
} from "./_lib.js";
import { settingsWith, streamVirtually } from "./_virtual.js";

const { values: given } = parseArgs({
  options: {
    streams: { type: "string", default: "1,4,8,16" },
    seconds: { type: "string", default: "90" },
    max: { type: "string", default: "24" },
    kinds: { type: "string", default: "dialog,lecture" },
    policy: { type: "string", default: "auto" },
    reread: { type: "string", default: "0" },
    workers: { type: "string", default: "2" },
  },
});
const PAUSES_S = { dialog: [0.6, 2], talk: [0.15, 0.5], lecture: [0.05, 0.25] };
/**
 * Words of a partial that the next hypothesis of the utterance lacks, of 100 words of finals, before the cost was bounded, by streams. A word is the same when
 * it is written alike and begins within 0.3 s.
 */
const TAKEN_BACK_BEFORE = { dialog: { 1: 102, 8: 95 }, lecture: { 1: 77, 8: 42 } };

for (const kind of given.kinds.split(",")) {
  for (const count of given.streams.split(",").map(Number)) await measure(kind, count);
}

async function measure(kind, count) {
  const recordings = Array.from({ length: count }, (_, index) => spoken(kind, index + 1, Number(given.seconds)));
  const { streams, utilization } = await streamVirtually(recordings, {
    settings: settingsWith({ maxS: Number(given.max), rereadBelowPercent: Number(given.reread) }),
    workers: Number(given.workers),
    stream: { commitPolicy: given.policy },
  });
  const score = createScore();
  const all = { word: [], first: [], final: [], commit: [] };
  let taken = 0;
  let words = 0;
  let committed = 0;
  for (const [index, { told }] of streams.entries()) {
    score.add(recordings[index].text, finalText(told));
    const lags = lagsOf(told);
    for (const key of Object.keys(all)) all[key].push(...lags[key]);
    words += lags.word.length;
    taken += lags.taken;
    committed += lags.committed;
  }
  const seconds = streams.reduce((sum, stream) => sum + stream.seconds, 0);
  const factor = streams.reduce((sum, { encodedFrames }) => sum + encodedFrames / 100, 0) / seconds;
  const name = `${kind}, ${count} ${count === 1 ? "stream" : "streams"}:`;
  if (process.env.LIVE_BRIEF) {
    const f = (values, share) => percentile(values, share)?.toFixed(2);
    console.log(
      `${name.padEnd(20)} factor ${factor.toFixed(2)} busy ${utilization.toFixed(2)} first ${f(all.first, 0.5)}/${f(all.first, 0.95)} word ${f(all.word, 0.5)}/${f(all.word, 0.95)} final ${f(all.final, 0.5)}/${f(all.final, 0.95)} taken ${((100 * taken) / words).toFixed(1)} committed ${((100 * committed) / words).toFixed(0)}% at ${f(all.commit, 0.5)}/${f(all.commit, 0.95)} wer ${score.percent.toFixed(2)}`,
    );
    return;
  }
  report(`${name} the encoder sees each second`, factor, "times", atMost(3.5), "live-cost");
  report(`${name} first partial after speech begins, p50`, percentile(all.first, 0.5), "s", atMost(0.5), "live-first");
  report(`${name} words visible after they end, p50`, percentile(all.word, 0.5), "s", atMost(0.9), "live-p50");
  report(`${name} words visible after they end, p95`, percentile(all.word, 0.95), "s", atMost(1.3), `live-p95-${kind}`);
  report(`${name} final after its last word, p50`, percentile(all.final, 0.5), "s");
  const takenBack = (100 * taken) / words;
  const before = TAKEN_BACK_BEFORE[kind]?.[count];
  report(`${name} words taken back, of 100`, takenBack, "");
  if (before !== undefined) report(`${name} over those before`, takenBack / before, "times", atMost(1.2), "live-taken");
  report(`${name} committed before the final`, (100 * committed) / words, "%");
  report(`${name} word error rate of the finals`, score.percent, "%");
  report(`${name} two workers are busy`, 100 * utilization, "%");
}

/** Shuffled clips without the silence around them, so that the pauses are those of the kind: as much as fills the time, whole clips. */
function spoken(kind, seed, seconds) {
  const random = generator(seed);
  const [shortest, longest] = PAUSES_S[kind];
  const order = clips.map((clip) => ({ clip, key: random() })).sort((a, b) => a.key - b.key);
  const parts = [];
  const texts = [];
  let length = 0;
  for (const { clip } of order) {
    if (length > seconds * 16_000) break;
    const pause = new Float32Array(Math.round((shortest + (longest - shortest) * random()) * 16_000));
    for (let n = 0; n < pause.length; n++) pause[n] = 1e-4 * (random() - 0.5);
    const whole = clipSamples(clip.file);
    const { onset, end } = speechBounds(whole);
    const speech = whole.subarray(onset, end);
    parts.push(speech, pause);
    length += speech.length + pause.length;
    texts.push(clip.text);
  }
  const samples = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, pcm: toPcm(samples), text: texts.join(" ") };
}

/** Seconds that words, first partials, finals and commits came after what was said; shown words that the next hypothesis of the utterance lacks. */
function lagsOf(told) {
  const lags = { word: [], first: [], final: [], commit: [], taken: 0, committed: 0 };
  let from = 0;
  for (let at = 0; at < told.length; at++) {
    if (told[at].type !== "final") continue;
    const utterance = told.slice(from, at + 1);
    from = at + 1;
    const { words } = told[at];
    if (words.length === 0) continue;
    const firstShown = utterance.find((hypothesis) => hypothesis.words.length > 0);
    lags.first.push(firstShown.atMs / 1000 - words[0].start);
    lags.final.push(told[at].atMs / 1000 - words.at(-1).end);
    for (const [index, word] of words.entries()) {
      const seen = utterance.find((hypothesis) => hypothesis.words.some((other) => isSame(other, word)));
      lags.word.push(seen.atMs / 1000 - word.end);
      const sure = utterance.find(({ committed }) => committed.split(" ").filter(Boolean).length > index);
      lags.commit.push(sure.atMs / 1000 - word.end);
      if (sure.type === "partial") lags.committed++;
    }
    for (let k = 0; k + 1 < utterance.length; k++) {
      const next = utterance[k + 1].words;
      lags.taken += utterance[k].words.filter((word) => !next.some((other) => isSame(other, word))).length;
    }
  }
  return lags;
}

function isSame(a, b) {
  return a.word === b.word && Math.abs(a.start - b.start) < 0.3;
}
