import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { locateModel } from "../../models/locate.ts";
import { modelsDir } from "../../models/paths.ts";
import type { Comparison } from "../../models/prepare/comparison.ts";
import { prepareModel, type PreparedModel } from "../../models/prepare/prepare-model.ts";
import { verifyBundle } from "../../models/verify.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { tryModels } from "./trial.ts";

const FLAGS: Readonly<Record<string, FlagSpec>> = {
  id: {
    type: "string",
    value: "ID",
    describe: "id of the new model; default: the id of the source with -int8 or -fast",
  },
  audio: {
    type: "string",
    value: "FILE",
    multiple: true,
    describe: "recording to compare on; may be given several times; default: the bundled samples",
  },
  "reduce-range": {
    type: "boolean",
    describe: "7-bit weights, for x86 processors without VNNI, whose 8-bit products can saturate",
  },
  json: { type: "boolean", describe: "answer JSON" },
};

export const quantize: Command = {
  summary: "Convert an fp32 model to int8 on this machine",
  positionals: "[MODEL]",
  flags: FLAGS,
  help: "The encoder's matrix products become int8 with one scale per output channel. Needs as much disk as the result and little memory. Then both models recognise the same recordings, and the report shows the differences.",
  run: (context) => prepare(context, { pointwise: false, suffix: "int8" }),
};

export const optimize: Command = {
  summary: "Like quantize, and also convert the pointwise convolutions: faster and smaller",
  positionals: "[MODEL]",
  flags: FLAGS,
  run: (context) => prepare(context, { pointwise: true, suffix: "fast" }),
};

async function prepare(context: CommandContext, kind: { pointwise: boolean; suffix: string }): Promise<number> {
  const { flags, positionals, stderr, stdout, env } = context;
  if (positionals.length > 1)
    throw new UsageError(["name at most one model; without a name the installed one is used"], []);
  const { config } = await loadCliConfig(context, { quiet: true });
  const source = await locateModel(
    { ...config.model, id: positionals[0] ?? config.model.id, precision: "fp32" },
    { env },
  );
  await verifyBundle(source);
  const id = typeof flags["id"] === "string" ? flags["id"] : `${source.id}-${kind.suffix}`;
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id)) {
    throw new UsageError([`--id must be lower-case letters, digits and dashes, found "${id}"`], []);
  }
  const progress = progressLine(stderr);
  const prepared = await prepareModel({
    source,
    id,
    baseDir: modelsDir(config.model.dir, env),
    pointwise: kind.pointwise,
    reduceRange: flags["reduce-range"] === true,
    onProgress: progress.show,
  });
  progress.done();
  const candidate = await locateModel({ id, precision: "int8", dir: config.model.dir }, { env });
  const comparison = await tryModels(
    { reference: source, candidate, audioPaths: audioPaths(context), threads: availableParallelism() },
    { signal: context.signal, cure: "The model was made; try --audio with another recording." },
  );
  if (flags["json"] === true) writeJson(stdout, { id, ...prepared, comparison });
  else stdout.write(formatPrepared(id, prepared, comparison));
  return 0;
}

/** The report for people: size, speed, deviation, and how to use the result. */
export function formatPrepared(id: string, prepared: PreparedModel, comparison: Comparison): string {
  const { encoderBytesBefore, encoderBytesAfter, summary, rewrittenConvolutions } = prepared;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;
  const { tokens, tokenEdits, windows, identicalWindows, audioS } = comparison;
  const speed = comparison.referenceEncoderMs / Math.max(1e-9, comparison.candidateEncoderMs);
  return [
    `made ${id} in ${prepared.dir}`,
    `int8 products   ${summary.quantizedNodes}${rewrittenConvolutions > 0 ? `, ${rewrittenConvolutions} of them pointwise convolutions` : ""}`,
    `encoder         ${megabytes(encoderBytesBefore)} → ${megabytes(encoderBytesAfter)}`,
    `encoder speed   ${speed.toFixed(2)} times the fp32 model's, on ${audioS.toFixed(0)} s of audio`,
    `deviation       ${tokenEdits} of ${tokens} tokens (${share(tokenEdits, tokens)}); ${identicalWindows} of ${windows} windows identical`,
    `use it          gigastt up --set model.id=${id}`,
    "",
  ].join("\n");
}

function audioPaths({ flags, cwd }: CommandContext): readonly string[] {
  const given = flags["audio"];
  if (Array.isArray(given) && given.length > 0) return given.map((path: string) => resolve(cwd, path));
  return [1, 2, 3, 4].map((n) => fileURLToPath(new URL(`models/samples/sample_${n}.wav`, installationRoot())));
}

function progressLine(stream: NodeJS.WriteStream): {
  readonly show: (written: number, total: number) => void;
  readonly done: () => void;
} {
  if (!stream.isTTY) return { show: () => undefined, done: () => undefined };
  return {
    show: (written, total) => stream.write(`\rquantizing … ${Math.round((100 * written) / total)} %`),
    done: () => stream.write("\r\u001b[K"),
  };
}
