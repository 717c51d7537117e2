import type { ModelBundle } from "../../models/manifest.ts";
import type { Comparison } from "../../models/prepare/comparison.ts";
import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { startHelper } from "../../shared/process/program.ts";

/** What models are tried on: both are loaded and recognise the same recordings. */
export interface Trial {
  readonly reference: ModelBundle;
  readonly candidate: ModelBundle;
  readonly audioPaths: readonly string[];
  readonly threads: number;
}

/** Runs a trial in a process of its own: the CLI never loads the engine. @throws what the engine says about a model, or `GST_COMPARE` with `cure` */
export async function tryModels(
  trial: Trial,
  { signal, cure }: { signal: AbortSignal; cure: string },
): Promise<Comparison> {
  const answers: Answer[] = [];
  const helper = await startHelper(entryFile("engine/compare-main"), {
    serialization: "advanced",
    // Both ends come from one build.
    onMessage: (message) => answers.push(message as Answer),
  });
  const onAbort = (): void => helper.kill("SIGTERM");
  signal.addEventListener("abort", onAbort, { once: true });
  void helper.send({ type: "compare", ...trial });
  const end = await helper.ended;
  signal.removeEventListener("abort", onAbort);
  const [answer] = answers;
  if (answer?.type === "compared") return answer.report;
  if (answer !== undefined) throw new GigasttError(answer.code, answer.message);
  throw new GigasttError(
    "GST_COMPARE",
    `the comparison ended with ${end.startFailure ?? end.signal ?? `exit code ${end.exitCode}`} before it had a result. ${cure}`,
  );
}

type Answer =
  | { readonly type: "compared"; readonly report: Comparison }
  | { readonly type: "failed"; readonly code: string; readonly message: string };
