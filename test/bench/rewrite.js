// The int8 encoder as it is published, as it is rewritten here, and as `models optimize` makes it from fp32: a graph of GigaAM's size with random weights in all three, in turn in one run.
// Processor time and wall time of 5, 15 and 60 s of audio (windows of at most 24 s), 1 and 2 threads. Needs 700 MB of disk and 2 GB of memory.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOnnx } from "../../dist/models/onnx/read.js";
import { writeOnnx } from "../../dist/models/onnx/write.js";
import { fasterInt8 } from "../../dist/models/prepare/faster-int8.js";
import { pointwiseToMatMul } from "../../dist/models/prepare/pointwise.js";
import { quantizeModel } from "../../dist/models/prepare/quantize.js";
import { conformerEncoder, GIGAAM_SIZE } from "../../dist/models/synthetic/conformer.js";
import { publishedForm } from "../support/published-form.js";
import { atLeast, generator, machine, percentile, report } from "./_lib.js";

const ort = createRequire(import.meta.url)("onnxruntime-node");
const dir = mkdtempSync(join(tmpdir(), "gigastt-rewrite-"));
const path = (form) => join(dir, `${form}.onnx`);
try {
  await writeOnnx(path("published"), publishedForm(conformerEncoder(GIGAAM_SIZE)));
  const published = await openOnnx(path("published"));
  const before = process.cpuUsage();
  for (const sign of ["signed", "unsigned"]) await writeOnnx(path(sign), fasterInt8(published, sign).model);
  const { user, system } = process.cpuUsage(before);
  report("rewriting, processor time", (user + system) / 2e6, "s");
  await published.close();
  const { model } = quantizeModel(pointwiseToMatMul(conformerEncoder(GIGAAM_SIZE)).model, { reduceRange: false });
  await writeOnnx(path("optimized from fp32"), model);
  console.log(machine());
  for (const threads of [1, 2]) await measure(threads);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

async function measure(threads) {
  const forms = ["published", "unsigned", "signed", "optimized from fp32"];
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, enableMemPattern: false, logSeverityLevel: 3 };
  const sessions = [];
  for (const form of forms) sessions.push(await ort.InferenceSession.create(path(form), options));
  for (const [seconds, windows, repeats] of [
    [5, [5], 5],
    [15, [15], 3],
    [60, [24, 24, 12], 1],
  ]) {
    const cpu = forms.map(() => []);
    const wall = forms.map(() => []);
    for (let n = -1; n < repeats; n++) {
      for (const [k, session] of sessions.entries()) {
        const started = performance.now();
        const before = process.cpuUsage();
        for (const window of windows) await session.run(features(window * 100));
        const { user, system } = process.cpuUsage(before);
        if (n < 0 && repeats > 1) continue;
        cpu[k].push((user + system) / 1000);
        wall[k].push(performance.now() - started);
      }
    }
    for (const [k, form] of forms.entries()) {
      const [own, wallMs] = [percentile(cpu[k], 0.5), percentile(wall[k], 0.5)];
      const times = percentile(cpu[0], 0.5) / own;
      const target = form === "signed" ? atLeast(1.7) : undefined;
      report(`${seconds} s, ${threads} threads, ${form}: processor time; wall ${Math.round(wallMs)} ms`, own, "ms");
      if (k > 0) report(`${seconds} s, ${threads} threads, ${form}: over published`, times, "times", target, "rewrite");
    }
  }
  for (const session of sessions) await session.release();
}

function features(frames) {
  const random = generator(5);
  const signal = Float32Array.from({ length: 64 * frames }, () => -6 + 8 * (random() - 0.5));
  return {
    audio_signal: new ort.Tensor("float32", signal, [1, 64, frames]),
    length: new ort.Tensor("int64", BigInt64Array.of(BigInt(frames)), [1]),
  };
}
