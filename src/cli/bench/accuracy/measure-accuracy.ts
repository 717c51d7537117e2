import { resolve } from "node:path";
import type { ResolvedConfig } from "../../../config/types.ts";
import { inspectModel, locateModel } from "../../../models/locate.ts";
import type { ModelBundle } from "../../../models/manifest.ts";
import { SYNTHETIC_ID } from "../../../models/synthetic/synthetic-model.ts";
import { verifyBundle } from "../../../models/verify.ts";
import { GigasttError } from "../../../shared/errors.ts";
import type { CommandContext } from "../../command.ts";
import { loadModelsWorld, type ModelsWorld } from "../../models/common.ts";
import { table, writeJson } from "../../output.ts";
import { startTranscriber } from "../../transcribe/child.ts";
import { saidOf } from "../../transcribe/run.ts";
import { createStatusLine, type StatusLine } from "../../transcribe/status-line.ts";
import { findPairs, type Pair } from "./pairs.ts";
import { byFolder, byLength, type Heard, type Score, scoreOf } from "./score.ts";

/** `gigastt bench --accuracy DIR`: each installed model over the user's own recordings. Ends with 1 when one could not be recognised. */
export async function measureAccuracy(context: CommandContext, dir: string): Promise<number> {
  const { stdout, stderr, cwd } = context;
  const { pairs, withoutText } = await findPairs(resolve(cwd, dir));
  for (const file of withoutText) stderr.write(`gigastt: ${file} is left out: no text beside it\n`);
  const world = await loadModelsWorld(context);
  const status = createStatusLine(stderr);
  const models: ModelAccuracy[] = [];
  try {
    for (const bundle of await bundlesToMeasure(world, context)) {
      const { heard, failed } = await hearAll({ context, config: world.config, bundle, pairs, status });
      models.push({ id: bundle.id, precision: bundle.precision, heard, failed });
    }
  } finally {
    status.clear();
  }
  if (context.flags["json"] === true) writeJson(stdout, { version: 1, withoutText, models: models.map(modelJson) });
  else stdout.write(models.map(modelText).join("\n"));
  return models.some(({ failed }) => failed.length > 0) ? 1 : 0;
}

// ---

interface ModelAccuracy {
  readonly id: string;
  readonly precision: string;
  readonly heard: readonly Heard[];
  readonly failed: readonly { readonly file: string; readonly code: string; readonly message: string }[];
}

/** All that are installed, the demo model only when it is alone; one that the configuration names, alone. */
async function bundlesToMeasure(
  { config, registry, baseDir }: ModelsWorld,
  { env }: CommandContext,
): Promise<readonly ModelBundle[]> {
  const { id, precision } = config.model;
  if (id !== "auto" && precision !== "auto") return [await locateModel(config.model, { env, registry })];
  const installed = (await Promise.all(registry.models.map((entry) => inspectModel(entry, baseDir))))
    .flat()
    .filter(({ state, entry }) => state === "complete" && entry.id !== SYNTHETIC_ID)
    .filter(
      (found) => (id === "auto" || found.entry.id === id) && (precision === "auto" || found.precision === precision),
    );
  const real = installed.filter(({ entry }) => entry.source.kind !== "bundled");
  const chosen = id === "auto" && real.length > 0 ? real : installed;
  // Its error names what is missing and the command that gets it.
  if (chosen.length === 0) return [await locateModel(config.model, { env, registry })];
  return Promise.all(
    chosen.map((found) =>
      locateModel({ ...config.model, id: found.entry.id, precision: found.precision }, { env, registry }),
    ),
  );
}

async function hearAll(options: {
  readonly context: CommandContext;
  readonly config: ResolvedConfig;
  readonly bundle: ModelBundle;
  readonly pairs: readonly Pair[];
  readonly status: StatusLine;
}): Promise<Pick<ModelAccuracy, "heard" | "failed">> {
  const { context, config, bundle, pairs, status } = options;
  const { signal, stderr, cwd } = context;
  const name = `${bundle.id} ${bundle.precision}`;
  status.show(`${name}: checking and loading`);
  await verifyBundle(bundle, { signal });
  const transcriber = await startTranscriber({ config, bundle, readsStdin: false, cwd, signal });
  const heard: Heard[] = [];
  const failed: { file: string; code: string; message: string }[] = [];
  try {
    for (const [n, { file, folder, path, reference }] of pairs.entries()) {
      signal.throwIfAborted();
      status.show(`${name}: ${n + 1} of ${pairs.length}  ${file}`);
      const startedMs = performance.now();
      try {
        const transcripts = await transcriber.transcribe(path, { channels: "mix", strict: false }, () => {});
        const wallS = (performance.now() - startedMs) / 1000;
        const text = transcripts.map((transcript) => transcript.text).join(" ");
        heard.push({ file, folder, reference, text, audioS: transcripts[0]?.durationS ?? 0, wallS });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof GigasttError) || !transcriber.isAlive) throw error;
        status.clear();
        const message = saidOf(error);
        stderr.write(`gigastt: ${file}: ${message}\n`);
        failed.push({ file, code: error.code, message });
      }
    }
  } finally {
    await transcriber.close();
  }
  return { heard, failed };
}

function modelJson({ id, precision, heard, failed }: ModelAccuracy): object {
  const scores = (groups: ReadonlyMap<string, readonly Heard[]>): object =>
    Object.fromEntries([...groups].map(([name, members]) => [name, scoreOf(members)]));
  return {
    id,
    precision,
    overall: scoreOf(heard),
    byLength: scores(byLength(heard)),
    byFolder: scores(byFolder(heard)),
    recordings: heard.map((one) => ({ file: one.file, ...scoreOf([one]), reference: one.reference, text: one.text })),
    failed,
  };
}

function modelText({ id, precision, heard }: ModelAccuracy): string {
  const folders = byFolder(heard);
  const groups: (readonly [string, readonly Heard[]])[] = [
    ["all", heard],
    ...byLength(heard),
    ...(folders.size > 1 ? [...folders].map(([name, members]) => [name === "" ? "." : name, members] as const) : []),
  ];
  const rows = groups.map(([name, members]) => [name, ...cells(scoreOf(members))]);
  const head = ["", "recordings", "minutes", "word errors", "character errors", "as written", "times real time"];
  return `${id} ${precision}\n${table([head, ...rows], "  ")}\n`;
}

function cells(score: Score): readonly string[] {
  const percent = (value: number): string => `${value.toFixed(1)} %`;
  return [
    String(score.recordings),
    (score.audioS / 60).toFixed(1),
    percent(score.wordErrorRate),
    percent(score.characterErrorRate),
    percent(score.wordErrorRateAsWritten),
    score.realTimeFactor > 0 ? (1 / score.realTimeFactor).toFixed(1) : "–",
  ];
}
