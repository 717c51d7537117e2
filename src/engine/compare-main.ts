// Program entry, forked by `gigastt models quantize|optimize`: runs two models over the same recordings.
// One IPC message `{type:"compare", reference, candidate, audioPaths, threads}` in, `{type:"compared", report}` or
// `{type:"failed", code, message}` out, then it exits.
import type { ModelBundle } from "../models/manifest.ts";
import type { Comparison } from "../models/prepare/comparison.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { loadRequestOf } from "./acoustic/protocol.ts";
import { compareReadings, readRecordings } from "./trial.ts";

interface CompareRequest {
  readonly type: "compare";
  readonly reference: ModelBundle;
  readonly candidate: ModelBundle;
  readonly audioPaths: readonly string[];
  readonly threads: number;
}

process.once("message", (message: CompareRequest) => {
  void compare(message)
    .then((report) => process.send?.({ type: "compared", report }))
    .catch((error: unknown) =>
      process.send?.({
        type: "failed",
        code: error instanceof GigasttError ? error.code : "GST_COMPARE",
        message: messageOf(error),
      }),
    )
    .finally(() => process.disconnect());
});

async function compare({ reference, candidate, audioPaths, threads }: CompareRequest): Promise<Comparison> {
  const read = (bundle: ModelBundle): ReturnType<typeof readRecordings> =>
    readRecordings(loadRequestOf(bundle, { threads, maxSymbolsPerFrame: 10 }), audioPaths);
  const wanted = await read(reference);
  // A model that is only tried is read once.
  return compareReadings(wanted, reference.encoderPath === candidate.encoderPath ? wanted : await read(candidate));
}
