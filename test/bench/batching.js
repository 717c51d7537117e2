// Would several windows in one encoder run be read faster than one after the other? On a graph of GigaAM's size, one thread: windows of
// 2, 5 and 10 s, one to four of them, plain int8 and optimized. A ratio above 1 is what batching would win; the first window would then
// wait for the last.
//   node test/bench/batching.js [--runs 5]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-node";
import { locateModel } from "../../dist/models/locate.js";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../dist/models/synthetic/synthetic-model.js";
import { generator, percentile, report } from "./_lib.js";

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const scratch = mkdtempSync(join(tmpdir(), "gigastt-batching-"));
const random = generator(1);
try {
  for (const kind of ["plain", "optimized"]) {
    const dir = join(scratch, kind);
    await makeSyntheticModel({ baseDir: dir, pointwise: kind === "optimized" });
    const bundle = await locateModel({ id: SYNTHETIC_ID, precision: "int8", dir }, { env: {} });
    const session = await ort.InferenceSession.create(bundle.encoderPath, {
      intraOpNumThreads: 1,
      enableMemPattern: false,
    });
    for (const seconds of [2, 5, 10]) {
      const alone = feeds(1, seconds * 100);
      await session.run(alone);
      for (const count of [2, 4]) {
        const together = feeds(count, seconds * 100);
        await session.run(together);
        const ratios = [];
        for (let run = 0; run < Number(values.runs); run++) {
          const oneMs = await timed(() => session.run(alone));
          ratios.push((count * oneMs) / (await timed(() => session.run(together))));
        }
        report(
          `${kind}: ${count} windows of ${seconds} s in one run over one by one, speed`,
          percentile(ratios, 0.5),
          "times",
        );
      }
    }
    await session.release();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function feeds(count, frames) {
  const features = Float32Array.from({ length: count * 64 * frames }, () => -8 + 6 * random());
  return {
    audio_signal: new ort.Tensor("float32", features, [count, 64, frames]),
    length: new ort.Tensor(
      "int64",
      BigInt64Array.from({ length: count }, () => BigInt(frames)),
      [count],
    ),
  };
}

/** Milliseconds of processor time: what else runs on the machine does not count. */
async function timed(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
