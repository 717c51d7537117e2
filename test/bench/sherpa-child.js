// Runs sherpa-onnx over one wave file, in a process of its own: `node sherpa-child.js PACKAGE_DIR MODEL_DIR WAV RUNS`.
// Prints the seconds of each run as JSON. Its ONNX Runtime is not ours, so the two never share a process.
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";

const [packageDir, modelDir, wav, runs] = process.argv.slice(2);
const sherpa = createRequire(join(packageDir, "package.json"))("sherpa-onnx-node");
const file = (name) => join(modelDir, name);
const recognizer = new sherpa.OfflineRecognizer({
  featConfig: { sampleRate: 16_000, featureDim: 64 },
  modelConfig: {
    transducer: { encoder: file("encoder.onnx"), decoder: file("decoder.onnx"), joiner: file("joiner.onnx") },
    tokens: file("tokens.txt"),
    numThreads: 1,
    provider: "cpu",
    modelType: "nemo_transducer",
    debug: 0,
  },
});
const samples = Float32Array.from(new Int16Array(new Uint8Array(readFileSync(wav)).buffer.slice(44)), (s) => s / 32768);
const seconds = [];
let tokens = 0;
for (let run = 0; run <= Number(runs); run += 1) {
  const started = performance.now();
  const stream = recognizer.createStream();
  stream.acceptWaveform({ sampleRate: 16_000, samples });
  recognizer.decode(stream);
  tokens = recognizer.getResult(stream).tokens.length;
  if (run > 0) seconds.push((performance.now() - started) / 1000);
}
process.stdout.write(JSON.stringify({ seconds, tokens }));
