// An hour of audio: memory, cost per minute, the text of its parts. Then silence, and memory over the number of sessions.
// LONG_MINUTES sets the length (60); SILENCE_HOURS the streamed silence (6).
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import {
  atMost,
  atRate,
  createScore,
  demoEngine,
  pieces,
  recording,
  report,
  toPcm,
  toWav,
  transcribe,
} from "./_lib.js";

const minutes = Number(process.env.LONG_MINUTES ?? 60);
const silenceHours = Number(process.env.SILENCE_HOURS ?? 6);
const parts = [1, 2, 3]
  .map((seed) => recording(seed))
  .map(({ samples, text, seconds }) => ({ wav: toWav(samples), pcm: toPcm(samples), text, seconds }));

const engine = await demoEngine("int8");
await transcribe(engine, parts[0].wav);
const idle = residentMb();

// --- an hour, made of the same three recordings over and over

const partTexts = [];
for (const part of parts) partTexts.push((await transcribe(engine, part.wav)).text);
const repeats = Math.max(1, Math.round((minutes * 60) / parts.reduce((sum, part) => sum + part.seconds, 0)));
// Processor time: wall time would measure what else runs on the machine.
const perMinuteMs = [];
let doneBefore = 0;
let atMs = cpuMs();
const startedMs = performance.now();
let peak = 0;
const watch = setInterval(() => (peak = Math.max(peak, residentMb())), 100);
const long = await transcribe(engine, undefined, {
  audio: manyTimes(),
  onProgress(doneS) {
    if (doneS - doneBefore < 60) return;
    const nowMs = cpuMs();
    perMinuteMs.push(((nowMs - atMs) / (doneS - doneBefore)) * 60);
    doneBefore = doneS;
    atMs = nowMs;
  },
});
clearInterval(watch);
report(
  `${Math.round(long.durationS / 60)} minutes in one file: real-time factor`,
  (performance.now() - startedMs) / 1000 / long.durationS,
  "",
);
report("  peak memory above the idle server", peak - idle, "MB", atMost(150), "long-memory");
const tenth = Math.max(1, Math.floor(perMinuteMs.length / 4));
report(
  "  cost of the last quarter's minutes over the first's",
  mean(perMinuteMs.slice(-tenth)) / mean(perMinuteMs.slice(0, tenth)),
  "times",
  atMost(1.1),
  "long-cost",
);
const score = createScore();
score.add(Array.from({ length: repeats }, () => partTexts.join(" ")).join(" "), long.text);
report("  words that differ from its parts' text", score.percent, "%", atMost(0.1), "long-text");
const last = parts.at(-1);
const lastAlone = (await transcribe(engine, last.wav)).words;
report(
  "  word times of its last part against that part alone, largest",
  largestShift(lastAlone, long.words.slice(-lastAlone.length), long.durationS - last.pcm.length / 32_000) * 1000,
  "ms",
  atMost(80),
  "hour",
);

// --- silence

const beforeSilence = residentMb();
const cpuBefore = process.cpuUsage();
const windowsBefore = engine.stats().encodedSecondsTotal;
const quiet = new Uint8Array(32_000);
const live = engine.openStream({
  sampleRateHz: 16_000,
  endpoint: "auto",
  minSilenceMs: 600,
  commitPolicy: "auto",
  onHypothesis: () => {},
  onError: (error) => {
    throw error;
  },
});
for (let second = 0; second < silenceHours * 3600; second++) {
  live.write(quiet);
  await live.waitForBacklogBelow(30_000);
}
await live.waitForBacklogBelow(1000);
const cpu = process.cpuUsage(cpuBefore);
report(
  `${silenceHours} h of streamed silence: processor time over audio time`,
  ((cpu.user + cpu.system) / 1e6 / (silenceHours * 3600)) * 100,
  "% of a core",
  atMost(1),
  "silence-cpu",
);
report(
  "  audio that went through the encoder",
  engine.stats().encodedSecondsTotal - windowsBefore,
  "s",
  atMost(1),
  "silence-cpu",
);
await sleep(500);
report("  memory above before", residentMb() - beforeSilence, "MB", atMost(30), "silence-memory");
await live.end();

// An hour into a stream, at every rate: the words of a minute of speech against the file of that minute.
const lateS = Math.round(3600 * Math.min(1, silenceHours));
for (const rate of [16_000, 8000, 44_100, 48_000]) {
  const minute = atRate(recording(1).samples.subarray(0, 60 * 16_000), rate);
  const fresh = (await transcribe(engine, toWav(minute, rate))).words;
  const late = await lateWords(rate, toPcm(minute));
  report(
    `word times ${(lateS / 3600).toPrecision(2)} h into a stream at ${rate} Hz against the file, largest`,
    largestShift(fresh, late, lateS) * 1000,
    "ms",
    atMost(80),
    "hour",
  );
}
await engine.close();

// --- sessions

// Each count in a process of its own: a heap remembers what came before.
const one = peakWithSessions(1);
const eight = peakWithSessions(8);
report("eight live sessions over one: peak memory", eight / one, "times", atMost(1.1), "sessions");

function peakWithSessions(count) {
  const result = spawnSync(process.execPath, [fileURLToPath(new URL("_sessions.js", import.meta.url)), String(count)], {
    encoding: "utf8",
  });
  return Number(result.stdout);
}

async function* manyTimes() {
  // One WAV whose header says nothing about the length, then samples without end, as a recorder streams it.
  const head = Buffer.from(parts[0].wav.subarray(0, 44));
  head.writeUInt32LE(0xffffffff, 4);
  head.writeUInt32LE(0xffffffff, 40);
  yield head;
  for (let k = 0; k < repeats; k++) for (const part of parts) yield* pieces(part.pcm);
}

/** Words of speech that comes after `lateS` seconds of silence in one stream. */
async function lateWords(rate, pcm) {
  const words = [];
  const stream = engine.openStream({
    sampleRateHz: rate,
    endpoint: "auto",
    minSilenceMs: 600,
    commitPolicy: "auto",
    onHypothesis: (hypothesis) => hypothesis.type === "final" && words.push(...hypothesis.words),
    onError: (error) => {
      throw error;
    },
  });
  const second = new Uint8Array(rate * 2);
  for (let k = 0; k < lateS; k++) {
    stream.write(second);
    await stream.waitForBacklogBelow(30_000);
  }
  stream.write(pcm);
  await stream.end();
  return words;
}

/** Largest difference of starts and ends, seconds, once `late` is moved back; NaN when the words are not the same. */
function largestShift(words, late, lateByS) {
  if (words.length === 0 || words.map(({ word }) => word).join(" ") !== late.map(({ word }) => word).join(" "))
    return NaN;
  const shift = (key, index) => Math.abs(late[index][key] - lateByS - words[index][key]);
  return words.reduce((most, _, index) => Math.max(most, shift("start", index), shift("end", index)), 0);
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function residentMb() {
  return process.memoryUsage.rss() / 1e6;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
