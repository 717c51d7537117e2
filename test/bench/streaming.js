// A stream against the file: word error rates over chunk sizes, rates and speeds; long form against clips; word times; latencies.
// STREAM_REALTIME=0 leaves out the real-time runs (three minutes of waiting), STREAM_FULLSPEED=0 the others.
import { createResampler } from "../../dist/engine/audio/resample.js";
import {
  atMost,
  clipBytes,
  clips,
  clipSamples,
  createScore,
  demoEngine,
  finalText,
  finalWords,
  percentile,
  recording,
  report,
  streamPcm,
  toPcm,
  toWav,
  transcribe,
} from "./_lib.js";

const realTime = process.env.STREAM_REALTIME !== "0";
const engine = await demoEngine("int8");

const clipScore = createScore();
for (const clip of clips) clipScore.add(clip.text, (await transcribe(engine, clipBytes(clip.file))).text);
report("file: word error rate of the clips", clipScore.percent, "%");

const recordings = [1, 2, 3].map((seed) => recording(seed));
const fileScore = createScore();
const fileTranscripts = [];
for (const { samples, text } of recordings) {
  const transcript = await transcribe(engine, toWav(samples));
  fileTranscripts.push(transcript);
  fileScore.add(text, transcript.text);
}
report("file: word error rate of three recordings of 5 minutes", fileScore.percent, "%");
report("  above the clips'", fileScore.percent - clipScore.percent, "points", atMost(0.3));

const fullSpeed = process.env.STREAM_FULLSPEED !== "0";
for (const rate of fullSpeed ? [16_000, 8000, 44_100, 48_000] : []) {
  for (const frameMs of rate === 16_000 ? [20, 100, 500] : [100]) {
    const clipStream = createScore();
    const clipFile = createScore();
    for (const clip of clips) {
      const samples = atRate(clipSamples(clip.file), rate);
      clipStream.add(clip.text, finalText(await streamPcm(engine, toPcm(samples), { frameMs, rate })));
      clipFile.add(clip.text, (await transcribe(engine, toWav(samples, rate))).text);
    }
    const longStream = createScore();
    const longFile = createScore();
    const drift = [];
    for (const { samples, text } of recordings) {
      const converted = atRate(samples, rate);
      const told = await streamPcm(engine, toPcm(converted), { frameMs, rate });
      const transcript = await transcribe(engine, toWav(converted, rate));
      longStream.add(text, finalText(told));
      longFile.add(text, transcript.text);
      drift.push(...timeDifferences(transcript.words, finalWords(told)));
    }
    const name = `stream ${rate} Hz, ${frameMs} ms frames, full speed:`;
    report(`${name} clips, above the file's`, clipStream.percent - clipFile.percent, "points", atMost(0.3));
    report(`${name} 5 minutes, above the file's`, longStream.percent - longFile.percent, "points", atMost(0.3));
    report(`${name} word times against the file's, p99`, percentile(drift, 0.99) * 1000, "ms", atMost(80));
  }
}

if (realTime) {
  // All clips at once would measure the queue: four at a time, as four speakers.
  for (const frameMs of [20, 100, 500]) {
    const score = createScore();
    const firstPartial = [];
    const finalAfterEndpoint = [];
    const waiting = clips.filter((_, index) => index % 5 === 0);
    const fileScorePart = createScore();
    for (const clip of waiting) {
      fileScorePart.add(clip.text, (await transcribe(engine, toWav(withSilence(clipSamples(clip.file))))).text);
    }
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let clip = waiting.shift(); clip; clip = waiting.shift()) {
          const samples = clipSamples(clip.file);
          const told = await streamPcm(engine, toPcm(withSilence(samples)), { frameMs, speed: 1 });
          score.add(clip.text, finalText(told));
          const { onsetS, endS } = speechBounds(samples);
          const first = told.find((hypothesis) => hypothesis.type === "partial");
          if (first) firstPartial.push(first.atMs / 1000 - onsetS);
          // The engine knows of the endpoint when the frame that holds it has been sent.
          const final = told.find((hypothesis) => hypothesis.endpointReason === "vad");
          if (final)
            finalAfterEndpoint.push(final.atMs / 1000 - Math.ceil((endS + 0.6) / (frameMs / 1000)) * (frameMs / 1000));
        }
      }),
    );
    const name = `stream real time, ${frameMs} ms frames:`;
    report(`${name} clips, above the file's`, score.percent - fileScorePart.percent, "points", atMost(0.3));
    report(`${name} first partial after speech begins, p50`, percentile(firstPartial, 0.5), "s", atMost(0.6));
    report(`${name} final after the endpoint, p95`, percentile(finalAfterEndpoint, 0.95), "s", atMost(0.5));
  }
  const visible = [];
  const { samples } = recordings[0];
  const told = await streamPcm(engine, toPcm(samples.subarray(0, 60 * 16_000)), { frameMs: 100, speed: 1 });
  for (const word of finalWords(told)) {
    const seen = told.find((hypothesis) =>
      hypothesis.words.some((other) => other.word === word.word && Math.abs(other.start - word.start) < 0.2),
    );
    if (seen) visible.push(seen.atMs / 1000 - word.end);
  }
  report("words visible after they end, p95", percentile(visible, 0.95), "s", atMost(1.2));
}
await engine.close();

/** A second of silence more, so that the endpoint comes before the end. */
function withSilence(samples) {
  const padded = new Float32Array(samples.length + 16_000);
  padded.set(samples);
  return padded;
}

function atRate(samples, rate) {
  if (rate === 16_000) return samples;
  const resampler = createResampler(16_000, rate);
  const first = resampler.push(samples);
  const rest = resampler.flush();
  const out = new Float32Array(first.length + rest.length);
  out.set(first);
  out.set(rest, first.length);
  return out;
}

/** Start differences of words that both have, in order. */
function timeDifferences(file, stream) {
  const differences = [];
  let at = 0;
  for (const word of file) {
    for (let k = at; k < Math.min(stream.length, at + 5); k++) {
      if (stream[k].word === word.word && Math.abs(stream[k].start - word.start) < 1) {
        differences.push(Math.abs(stream[k].start - word.start), Math.abs(stream[k].end - word.end));
        at = k + 1;
        break;
      }
    }
  }
  return differences;
}

/** Where sound begins and ends, by its level: 35 dB below the loudest 20 ms. */
function speechBounds(samples) {
  const levels = [];
  for (let at = 0; at + 320 <= samples.length; at += 320) {
    let sum = 0;
    for (let n = at; n < at + 320; n++) sum += samples[n] * samples[n];
    levels.push(sum);
  }
  const threshold = Math.max(...levels) * 10 ** -3.5;
  return {
    onsetS: levels.findIndex((level) => level > threshold) * 0.02,
    endS: (levels.findLastIndex((level) => level > threshold) + 1) * 0.02,
  };
}
