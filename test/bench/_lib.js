// Shared by the benchmark scripts: the evaluation set, word error rates, engines from dist/, a table printer.
import { appendFileSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultConfig } from "../../dist/config/defaults.js";
import { createResampler } from "../../dist/engine/audio/resample/resample.js";
import { createEngine } from "../../dist/engine/engine.js";
import { locateModel } from "../../dist/models/locate.js";
import { editDistance } from "../../dist/shared/text/edit-distance.js";
import { silentLogger } from "../../dist/shared/log.js";
import { wavFile } from "../../dist/shared/wav.js";

const evalDir = new URL("../fixtures/eval/", import.meta.url);

/** @type {{file: string, text: string, seconds: number, reference_decode: Record<string, {text: string, ids: number[], frames: number[]}>}[]} */
export const clips = JSON.parse(readFileSync(new URL("manifest.json", evalDir), "utf8"));

/** Bytes of a clip's WAV. */
export function clipBytes(file) {
  return readFileSync(new URL(file, evalDir));
}

/** Samples of a clip in [-1, 1], 16 kHz. */
export function clipSamples(file) {
  const bytes = clipBytes(file);
  const at = bytes.indexOf("data", 12, "latin1") + 8;
  return Float32Array.from({ length: (bytes.length - at) >> 1 }, (_, n) => bytes.readInt16LE(at + 2 * n) / 32768);
}

/** PCM16 little-endian. */
export function toPcm(samples) {
  const out = Buffer.alloc(samples.length * 2);
  for (let n = 0; n < samples.length; n++) {
    out.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(samples[n] * 32768))), 2 * n);
  }
  return out;
}

/** Samples of 16 kHz at another rate. */
export function atRate(samples, rate) {
  if (rate === 16_000) return samples;
  const resampler = createResampler(16_000, rate);
  const first = resampler.push(samples);
  const rest = resampler.flush();
  const out = new Float32Array(first.length + rest.length);
  out.set(first);
  out.set(rest, first.length);
  return out;
}

export function toWav(samples, rate = 16_000) {
  const pcm = toPcm(samples);
  return Buffer.from(wavFile(new Int16Array(new Uint8Array(pcm).buffer), rate));
}

/** Evaluation clips in a shuffled order with pauses of 0.2 to 2 s between them. `seed` makes it repeatable. */
export function recording(seed, { noise = 1e-4, pauseS = [0.2, 2], count = clips.length } = {}) {
  const random = generator(seed);
  const order = clips
    .map((clip) => ({ clip, key: random() }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count);
  const parts = [];
  const text = [];
  const starts = [];
  let length = 0;
  for (const { clip } of order) {
    const samples = clipSamples(clip.file);
    const pause = new Float32Array(Math.round((pauseS[0] + (pauseS[1] - pauseS[0]) * random()) * 16_000));
    for (let n = 0; n < pause.length; n++) pause[n] = noise * (random() - 0.5);
    starts.push(length / 16_000);
    parts.push(samples, pause);
    length += samples.length + pause.length;
    text.push(clip.text);
  }
  // Whole feature frames, so that recordings joined end to end are heard as each alone.
  const samples = new Float32Array(Math.ceil(length / 160) * 160);
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, text: text.join(" "), seconds: length / 16_000, starts };
}

/** Word errors and reference words: text as written, punctuation and case included. */
export function wordErrors(reference, heard) {
  const a = reference.split(" ").filter(Boolean);
  const b = heard.split(" ").filter(Boolean);
  return { errors: editDistance(a, b), words: a.length };
}

/** Adds up word errors. */
export function createScore() {
  let errors = 0;
  let words = 0;
  return {
    add(reference, heard) {
      const one = wordErrors(reference, heard);
      errors += one.errors;
      words += one.words;
    },
    get percent() {
      return (100 * errors) / words;
    },
  };
}

/** A started engine with the demo model. */
export async function demoEngine(precision = "int8", overrides = {}) {
  const bundle = await locateModel({ id: "demo-ru-rnnt", precision, dir: undefined }, { env: {} });
  const config = { ...defaultConfig, ...overrides, engine: { ...defaultConfig.engine, ...overrides.engine } };
  const engine = createEngine({ config, bundle, log: silentLogger });
  await engine.start();
  return engine;
}

export async function* pieces(bytes, size = 65_536) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function transcribe(engine, wav, options = {}) {
  const [transcript] = await engine.transcribe({
    audio: pieces(wav),
    maxDurationMs: 1e9,
    signal: new AbortController().signal,
    ...options,
  });
  return transcript;
}

/**
 * Streams PCM into the engine and returns every hypothesis with `atMs` since the start.
 * @param options.speed 1 = real time, 0 = as fast as the engine takes it
 */
export async function streamPcm(engine, pcm, options = {}) {
  const { frameMs = 100, rate = 16_000, speed = 0, ...rest } = options;
  const told = [];
  const startedMs = performance.now();
  const live = engine.openStream({
    sampleRateHz: rate,
    endpoint: "auto",
    minSilenceMs: 600,
    commitPolicy: "auto",
    ...rest,
    onHypothesis: (hypothesis) => told.push({ ...hypothesis, atMs: performance.now() - startedMs }),
    onError: (error) => {
      throw error;
    },
  });
  const step = Math.round((rate * frameMs) / 1000) * 2;
  for (let at = 0; at < pcm.length; at += step) {
    // A frame can only be sent when its last sample has been spoken.
    const waitMs = speed > 0 ? startedMs + ((at + step) / 2 / rate / speed) * 1000 - performance.now() : 0;
    if (waitMs > 0) await sleep(waitMs);
    live.write(pcm.subarray(at, at + step));
    if (speed === 0) await live.waitForBacklogBelow(30_000);
  }
  await live.end();
  return told;
}

export function finalText(told) {
  return told
    .filter((hypothesis) => hypothesis.type === "final" && hypothesis.committed !== "")
    .map((hypothesis) => hypothesis.committed)
    .join(" ");
}

export function finalWords(told) {
  return told.filter((hypothesis) => hypothesis.type === "final").flatMap((hypothesis) => hypothesis.words);
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Numbers in [0, 1), the same for the same seed. */
export function generator(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * One line of a report: `what value unit (target …) ok|MISSED`. Returns whether the target holds.
 * @param key of the requirement it belongs to; `report.js` collects those through the file that BENCH_ROWS names
 */
export function report(what, value, unit, target, key) {
  const holds = target === undefined || target.test(value);
  if (process.env.BENCH_ROWS) {
    const row = { key, what: what.trim(), value, unit, target: target?.text, holds };
    appendFileSync(process.env.BENCH_ROWS, `${JSON.stringify(row)}\n`);
  }
  const shown = typeof value === "number" ? Number(value.toPrecision(4)) : value;
  console.log(
    `${what.padEnd(62)} ${String(shown).padStart(10)} ${unit}${target ? `  (${target.text}) ${holds ? "ok" : "MISSED"}` : ""}`,
  );
  if (!holds) process.exitCode = 1;
  return holds;
}

export const atMost = (limit) => ({ test: (value) => value <= limit, text: `at most ${limit}` });
export const atLeast = (limit) => ({ test: (value) => value >= limit, text: `at least ${limit}` });

export function machine() {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return `${cpus().length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

/** Samples at which sound begins and ends, by its level: 35 dB below the loudest 20 ms. Takes samples at 16 kHz. */
export function speechBounds(samples) {
  const levels = [];
  for (let at = 0; at + 320 <= samples.length; at += 320) {
    let sum = 0;
    for (let n = at; n < at + 320; n++) sum += samples[n] * samples[n];
    levels.push(sum);
  }
  const threshold = Math.max(...levels) * 10 ** -3.5;
  const isLoud = (level) => level > threshold;
  return { onset: levels.findIndex(isLoud) * 320, end: (levels.findLastIndex(isLoud) + 1) * 320 };
}
