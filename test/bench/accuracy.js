// Word error rates of both precisions over the evaluation clips, features against the golden vectors, tokens against the reference decode.
import { readFileSync } from "node:fs";
import { createLogMel, extractFeatures } from "../../dist/engine/features/log-mel.js";
import { createPool } from "../../dist/engine/pool/pool.js";
import { locateModel } from "../../dist/models/locate.js";
import { atLeast, atMost, clipBytes, clips, clipSamples, createScore, demoEngine, report, transcribe } from "./_lib.js";

const REFERENCE_WER = { fp32: 3.0, int8: 3.27 };

const { frontEnd } = await locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {} });
const logMel = createLogMel(frontEnd);

let worst = 0;
for (const name of ["dev_espeak_00", "dev_espeak_07", "dev_festival_03"]) {
  const bytes = readFileSync(new URL(`../fixtures/golden/${name}.logmel.f32`, import.meta.url));
  const golden = new Float32Array(new Uint8Array(bytes).buffer);
  const features = extractFeatures(logMel, clipSamples(`${name}.wav`));
  for (let k = 0; k < golden.length; k++) worst = Math.max(worst, Math.abs(golden[k] - features[k]));
}
report("features: largest deviation from the golden vectors", worst, "", atMost(1e-4), "reference");

for (const precision of ["fp32", "int8"]) {
  const engine = await demoEngine(precision);
  const score = createScore();
  const startedMs = performance.now();
  for (const clip of clips) score.add(clip.text, (await transcribe(engine, clipBytes(clip.file))).text);
  const tookS = (performance.now() - startedMs) / 1000;
  await engine.close();
  report(
    `${precision}: word error rate of the clips`,
    score.percent,
    "%",
    atMost(REFERENCE_WER[precision] + 0.2),
    "reference",
  );
  report(
    `${precision}: real-time factor of the clips, one after the other`,
    tookS / clips.reduce((sum, clip) => sum + clip.seconds, 0),
    "",
  );
  const same = await compareTokens(precision);
  report(`${precision}: clips with the reference's token ids`, same.ids, "of 60", atLeast(59), "reference");
  report(`${precision}: clips with its ids and frames`, same.frames, "of 60", atLeast(59), "reference");
}

async function compareTokens(precision) {
  const bundle = await locateModel({ id: "demo-ru-rnnt", precision, dir: undefined }, { env: {} });
  const pool = createPool({
    workers: 1,
    request: async () => ({ ...bundle, threads: 1, maxSymbolsPerFrame: 10 }),
    queueLimit: 10,
    loadTimeoutMs: 60_000,
    onWorkerLost: () => {},
  });
  await pool.start();
  const same = { ids: 0, frames: 0 };
  for (const clip of clips) {
    const rows = extractFeatures(logMel, clipSamples(clip.file));
    const bins = frontEnd.melBins;
    const frames = rows.length / bins;
    const features = new Float32Array(rows.length);
    for (let t = 0; t < frames; t++) for (let k = 0; k < bins; k++) features[k * frames + t] = rows[t * bins + k];
    const result = await pool.run({
      features,
      frames,
      deadlineMs: 0,
      kind: "file",
      signal: new AbortController().signal,
    });
    const reference = clip.reference_decode[precision];
    if ([...result.ids].join() !== reference.ids.join()) continue;
    same.ids++;
    if ([...result.frames].join() === reference.frames.join()) same.frames++;
  }
  await pool.close();
  return same;
}
