// Speed of the resampler and of the audio decoders, in seconds of audio per second of processor time (so that a busy machine
// does not count), and the resampler's quality figures.
//   node test/bench/resample.js [--seconds 60]
import { readFileSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { decodeAudio } from "../../dist/engine/audio/decode.js";
import { createResampler } from "../../dist/engine/audio/resample/resample.js";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
const fixtures = new URL("../fixtures/audio/", import.meta.url);

console.log("resampler, to 16 kHz, blocks of 8192 samples");
for (const rate of [8000, 22_050, 24_000, 44_100, 44_101, 48_000, 96_000, 192_000]) {
  const block = Float32Array.from({ length: 8192 }, (_, i) => Math.sin(i * 0.05));
  run(rate, 2);
  const tookS = run(rate, seconds);
  console.log(
    `  ${String(rate).padStart(6)} Hz  ${factor(seconds / tookS)}  worst stop band ${worstStopBand(rate)} dB  ripple to 0.9 Nyquist ${ripple(rate)} dB`,
  );

  function run(rate, seconds) {
    const resampler = createResampler(rate, 16_000);
    const start = cpuS();
    for (let done = 0; done < rate * seconds; done += block.length) resampler.push(block);
    resampler.flush();
    return cpuS() - start;
  }
}

console.log("\ndecoders, whole files joined end to end, without resampling");
for (const file of readdirSync(fixtures).sort()) {
  if (file.startsWith("tiny") || file.startsWith("video-only") || file === "chain.opus") continue;
  const bytes = readFileSync(new URL(file, fixtures));
  let audioS = 0;
  for (let i = 0; i < 3; i++) await decode(bytes);
  const start = cpuS();
  while (cpuS() - start < 0.4) audioS += await decode(bytes);
  console.log(`  ${file.padEnd(24)} ${factor(audioS / (cpuS() - start))}`);
}

async function decode(bytes) {
  async function* body() {
    yield bytes;
  }
  const signal = new AbortController().signal;
  const audio = await decodeAudio(body(), { maxDurationMs: 1e9, signal });
  let frames = 0;
  for await (const block of audio.blocks) frames += block.channels[0].length;
  return frames / audio.sampleRateHz;
}

/** Loudest of 40 tones above the output's Nyquist frequency, or image of a tone below it. */
function worstStopBand(rate) {
  let worst = -Infinity;
  for (let i = 0; i < 40; i++) {
    const top = rate / 2;
    if (top <= 8000.5) break;
    const hz = 8000.5 + ((top - 8001) * i) / 39;
    worst = Math.max(worst, level(rate, hz));
  }
  return Number.isFinite(worst) ? worst.toFixed(1) : "–";
}

function ripple(rate) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 1; i <= 40; i++) {
    const db = level(rate, (0.9 * Math.min(8000, rate / 2) * i) / 40);
    low = Math.min(low, db);
    high = Math.max(high, db);
  }
  return Math.max(Math.abs(low), Math.abs(high)).toFixed(5);
}

/** Level of the output against ideal samples of the tone, in dB. */
function level(rate, hz) {
  const resampler = createResampler(rate, 16_000);
  const output = resampler.push(
    Float32Array.from({ length: rate / 2 }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate)),
  );
  let sum = 0;
  let ideal = 0;
  for (let i = output.length >> 2; i < (output.length * 3) >> 2; i++) {
    sum += output[i] ** 2;
    // Above its Nyquist frequency the output has no ideal samples: a full-scale sine stands for them.
    ideal += hz < 8000 ? Math.sin((2 * Math.PI * hz * i) / 16_000) ** 2 : 0.5;
  }
  return 10 * Math.log10(sum / ideal);
}

function cpuS() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function factor(value) {
  return `${value.toFixed(0).padStart(6)} x real time`;
}
