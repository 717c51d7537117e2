// Program entry, forked by the engine when it is ready: rewrites an int8 encoder into the form that computes fast, and compares both on
// recordings. One IPC message `RewriteRequest` in, `{type:"compared", report}` or `{type:"failed", code, message}` out, then it exits; it
// ends at once when its parent does.
import { rm, writeFile } from "node:fs/promises";
import type { Comparison } from "../models/prepare/comparison.ts";
import { fasterInt8, type WeightSign } from "../models/prepare/faster-int8.ts";
import { openOnnx } from "../models/onnx/read.ts";
import { writeOnnx } from "../models/onnx/write.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import type { LoadRequest } from "./acoustic/protocol.ts";
import { lowerThreadPriority } from "./pool/thread-priority.ts";
import { compareReadings, readRecordings } from "./trial.ts";

export interface RewriteRequest {
  readonly type: "rewrite";
  /** What workers load now. */
  readonly published: LoadRequest;
  readonly sign: WeightSign;
  /** Where the optimized graph of the rewritten form is left. */
  readonly graphPath: string;
  readonly audioPaths: readonly string[];
}

process.once("disconnect", () => process.exit());
process.once("message", (request: RewriteRequest) => {
  void rewrite(request).then(
    (report) => answer({ type: "compared", report }),
    (error: unknown) =>
      answer({
        type: "failed",
        code: error instanceof GigasttError ? error.code : "GST_MODEL_LOAD",
        message: messageOf(error),
      }),
  );
});

function answer(message: object): void {
  process.send?.(message, () => process.exit());
}

async function rewrite({ published, sign, graphPath, audioPaths }: RewriteRequest): Promise<Comparison> {
  await stepBack();
  const rewrittenPath = `${graphPath}.rewritten`;
  const source = await openOnnx(published.encoderPath);
  try {
    await writeOnnx(rewrittenPath, fasterInt8(source, sign).model);
  } finally {
    await source.close();
  }
  const reference = await readRecordings(published, audioPaths);
  const { optimizedEncoderPath: _, ...own } = published;
  const candidate = await readRecordings({ ...own, encoderPath: rewrittenPath, saveEncoderTo: graphPath }, audioPaths);
  // Its weights are in the optimized graph, in the order that the kernels want.
  await rm(rewrittenPath);
  return compareReadings(reference, candidate);
}

/** Recognition goes first; and when memory runs out, this process is the one to end. */
async function stepBack(): Promise<void> {
  lowerThreadPriority(19);
  await writeFile("/proc/self/oom_score_adj", "1000").catch(() => {});
}
