import { fileURLToPath } from "node:url";
import type { ModelFile } from "../../models/manifest.ts";
import type { OptimizedDraft } from "../../models/optimized.ts";
import { openOnnx } from "../../models/onnx/read.ts";
import type { Comparison } from "../../models/prepare/comparison.ts";
import { fasterInt8, type WeightSign } from "../../models/prepare/faster-int8.ts";
import { GigasttError } from "../../shared/errors.ts";
import { availableMemoryBytes } from "../../shared/machine/memory.ts";
import { entryFile, installationRoot } from "../../shared/process/entry.ts";
import { startHelper } from "../../shared/process/program.ts";
import { readableBytes } from "../../shared/units.ts";
import type { LoadRequest } from "../acoustic/protocol.ts";
import type { RewriteRequest } from "../rewrite-main.ts";

/** Returns whether a rewritten form of the encoder would differ: an int8 graph that is fast already, or an fp32 one, has none. @throws GigasttError `GST_MODEL_FORMAT` */
export async function canBeRewritten(encoderPath: string, sign: WeightSign): Promise<boolean> {
  const graph = await openOnnx(encoderPath);
  try {
    const { summary } = fasterInt8(graph, sign);
    return Object.values(summary).some((count) => count > 0);
  } finally {
    await graph.close();
  }
}

/**
 * Writes the rewritten form of an encoder into a draft, in a process of its own at low priority, and returns how its text on the bundled recordings
 * differs from the published form's.
 *
 * @throws GigasttError `GST_REWRITE_ROOM` when memory does not suffice, `GST_REWRITE` when the process fails or the text differs too much; the codes of the model's files
 */
export async function writeRewritten(options: {
  readonly encoder: ModelFile;
  readonly published: LoadRequest;
  readonly sign: WeightSign;
  readonly draft: OptimizedDraft;
  readonly signal: AbortSignal;
  readonly availableBytes?: () => Promise<number>;
}): Promise<Comparison> {
  const { encoder, published, sign, draft, signal, availableBytes = availableMemoryBytes } = options;
  const [available, needed] = [await availableBytes(), encoder.bytes * MEMORY_FACTOR];
  if (available < needed)
    throw new GigasttError(
      "GST_REWRITE_ROOM",
      `${readableBytes(needed)} of memory must be available, found ${readableBytes(available)}: give it for one start, or set engine.rewriteEncoder to false.`,
    );
  const request: RewriteRequest = {
    type: "rewrite",
    published: { ...published, threads: 1 },
    sign,
    graphPath: draft.graphPath,
    audioPaths: [1, 2, 3, 4].map((n) => fileURLToPath(new URL(`models/samples/sample_${n}.wav`, installationRoot()))),
  };
  const report = await runRewrite(request, signal);
  if (report.tokenEdits > MOST_EDITS + report.tokens * MOST_EDITS_SHARE)
    throw new GigasttError(
      "GST_REWRITE",
      `the rewritten encoder's text may differ in few tokens, ${report.tokenEdits} of ${report.tokens} differ: the published form stays in use.`,
    );
  return report;
}

// ---

/** Highest memory of the rewriting process over the encoder's size: its session while it is optimized and packed. Measured 2.5. */
const MEMORY_FACTOR = 2.7;
/** The rewritten form is nearer to fp32 than the published one, so a few tokens may change. A wrong rewrite changes nearly all. */
const MOST_EDITS = 2;
const MOST_EDITS_SHARE = 0.05;

async function runRewrite(request: RewriteRequest, signal: AbortSignal): Promise<Comparison> {
  const answers: Answer[] = [];
  const helper = await startHelper(entryFile("engine/rewrite-main"), {
    // Both ends come from one build.
    onMessage: (message) => answers.push(message as Answer),
  });
  const onAbort = (): void => helper.kill("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  void helper.send(request);
  const end = await helper.ended;
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
  const [answer] = answers;
  if (answer?.type === "compared") return answer.report;
  if (answer !== undefined) throw new GigasttError(answer.code, answer.message);
  const how = end.startFailure ?? end.signal ?? `exit code ${end.exitCode}`;
  throw new GigasttError("GST_REWRITE", `the process that rewrites the encoder ended with ${how} before it was done.`);
}

type Answer =
  | { readonly type: "compared"; readonly report: Comparison }
  | { readonly type: "failed"; readonly code: string; readonly message: string };
