// Issue-size figures on a graph of GigaAM's exact size with random weights, int8, one thread, all measured in one run and in turn:
// our whole path (decode, features, encoder, transducer) against the bare encoder loop, against sherpa-onnx over the same
// weights, and the optimized graph against the plain one.
//   node test/bench/throughput.js [--seconds 10] [--runs 5]
// sherpa-onnx-node is installed into the scratch folder; without a package source its rows are left out and say so.
import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { assembleSpeech, loadSamples } from "../../dist/cli/bench/speech.js";
import { wavFile } from "../../dist/shared/wav.js";
import { defaultConfig } from "../../dist/config/defaults.js";
import { createEngine } from "../../dist/engine/engine.js";
import { createLogMel, extractFeatures } from "../../dist/engine/features/log-mel.js";
import { locateModel } from "../../dist/models/locate.js";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../dist/models/synthetic/synthetic-model.js";
import { createLogger } from "../../dist/shared/log.js";
import { atLeast, report } from "./_lib.js";
import { makeSherpaModel } from "./sherpa-model.js";

const SHERPA = "sherpa-onnx-node@1.13.8";
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, runs: { type: "string", default: "5" } },
});
const seconds = Number(values.seconds);
const runs = Number(values.runs);
const scratch = mkdtempSync(join(tmpdir(), "gigastt-throughput-"));
const log = createLogger({ level: "error" });

try {
  const plainDir = await makeSyntheticModel({ baseDir: join(scratch, "plain"), pointwise: false });
  await makeSyntheticModel({ baseDir: join(scratch, "fast"), pointwise: true });
  const plain = await bundleIn("plain");
  const fast = await bundleIn("fast");
  const wav = join(scratch, "speech.wav");
  const pcm = assembleSpeech(await loadSamples(), seconds);
  writeFileSync(wav, wavFile(pcm));

  const encoders = { plain: await encoderLoop(plain, pcm), fast: await encoderLoop(fast, pcm) };
  const engines = { plain: await wholePath(plain, wav), fast: await wholePath(fast, wav) };
  const sherpa = await sherpaChild(plainDir, wav);
  const times = { "encoder plain": [], "encoder fast": [], "engine plain": [], "engine fast": [], sherpa: [] };
  for (let run = 0; run <= runs; run += 1) {
    const kept = run > 0; // the first round warms up
    for (const kind of ["plain", "fast"]) {
      record(times[`encoder ${kind}`], kept, await encoders[kind]());
      record(times[`engine ${kind}`], kept, await engines[kind].run());
    }
    if (sherpa) record(times.sherpa, kept, sherpa());
  }
  await engines.plain.close();
  await engines.fast.close();

  const figure = (name) => median(times[name]);
  console.log(`graph of GigaAM's size, int8, 1 thread, ${seconds} s of audio, median of ${runs} runs in turn`);
  for (const name of Object.keys(times)) {
    if (times[name].length > 0) console.log(`  ${name.padEnd(14)} RTF ${(figure(name) / seconds).toFixed(4)}`);
  }
  const share = ratio("encoder plain", "engine plain");
  report("throughput of the whole path over the bare encoder's", share, "times", atLeast(0.95), "encoder-share");
  const faster = ratio("encoder plain", "encoder fast");
  report("optimized graph over plain int8, encoder", faster, "times", atLeast(1.2), "optimized");
  report("  whole path", ratio("engine plain", "engine fast"), "times");
  if (sherpa) {
    report("same weights: ours over sherpa-onnx", ratio("sherpa", "engine plain"), "times", atLeast(1.15), "sherpa");
    report("  ours with the optimized graph", ratio("sherpa", "engine fast"), "times");
  } else console.log("sherpa-onnx was not measured: its package could not be installed here");

  /** Median of the pairwise ratios a/b. */
  function ratio(a, b) {
    return median(times[a].map((value, i) => value / times[b][i]));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function bundleIn(folder) {
  return locateModel({ id: SYNTHETIC_ID, precision: "int8", dir: join(scratch, folder) }, { env: {} });
}

/** The encoder alone over the whole recording's features, on this thread. */
async function encoderLoop(bundle, pcm) {
  const session = await ort.InferenceSession.create(bundle.encoderPath, {
    intraOpNumThreads: 1,
    enableMemPattern: false,
  });
  const logMel = createLogMel(bundle.frontEnd);
  const samples = Float32Array.from(pcm, (value) => value / 32768);
  const rows = extractFeatures(logMel, samples);
  const frames = rows.length / 64;
  const signal = new Float32Array(rows.length);
  for (let t = 0; t < frames; t += 1) for (let f = 0; f < 64; f += 1) signal[f * frames + t] = rows[t * 64 + f];
  return async () => {
    const started = performance.now();
    await session.run({
      audio_signal: new ort.Tensor("float32", signal, [1, 64, frames]),
      length: new ort.Tensor("int64", BigInt64Array.of(BigInt(frames)), [1]),
    });
    return (performance.now() - started) / 1000;
  };
}

async function wholePath(bundle, wav) {
  const config = { ...defaultConfig, engine: { ...defaultConfig.engine, workers: 1, threads: 1 } };
  const engine = createEngine({ config, bundle, log });
  await engine.start();
  const run = async () => {
    const started = performance.now();
    await engine.transcribe({
      audio: createReadStream(wav),
      maxDurationMs: 3_600_000,
      signal: new AbortController().signal,
    });
    return (performance.now() - started) / 1000;
  };
  return { run, close: () => engine.close() };
}

/** Installs sherpa-onnx beside the scratch model; undefined when that cannot be done. */
async function sherpaChild(plainDir, wav) {
  const dir = join(scratch, "sherpa");
  const installed = spawnSync("npm", ["install", "--prefix", dir, "--no-save", "--loglevel=error", SHERPA], {
    stdio: "ignore",
  });
  if (installed.status !== 0) return undefined;
  const model = join(scratch, "sherpa-model");
  await makeSherpaModel(plainDir, model);
  writeFileSync(join(dir, "package.json"), "{}");
  const child = fileURLToPath(new URL("sherpa-child.js", import.meta.url));
  return () => {
    const { stdout, status } = spawnSync(process.execPath, [child, dir, model, wav, "1"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`sherpa-onnx ended with ${status}`);
    return JSON.parse(stdout).seconds[0];
  };
}

function record(list, kept, value) {
  if (kept) list.push(value);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
