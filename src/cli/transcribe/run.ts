import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { locateModel } from "../../models/locate.ts";
import { verifyBundle } from "../../models/verify.ts";
import { AudioError, wordAudioProblem } from "../../shared/audio-problem.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { printable } from "../../shared/text/printable.ts";
import { exportTranscript } from "../../shared/transcript/export.ts";
import { transcriptJson } from "../../shared/transcript/json.ts";
import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";
import type { CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { paintFor } from "../output.ts";
import { UsageError } from "../usage.ts";
import { startTranscriber, type Transcriber } from "./child.ts";
import { withFolders } from "./inputs.ts";
import { readJob, type TranscribeJob, withModelFlags } from "./options.ts";
import { planOutputs, writeOutput } from "./outputs.ts";
import { STDIO } from "../args.ts";
import { createStatusLine, type StatusLine } from "./status-line.ts";

/** `gigastt transcribe FILE|DIR…|-`: goes on after a failed file, and ends with 1 when there was one. */
export async function transcribe(given: CommandContext): Promise<number> {
  const context = withModelFlags(given);
  const { env, cwd, signal, stderr } = context;
  const asked = readJob(context);
  const inputs = await withFolders(asked.inputs, cwd);
  if (inputs.includes(STDIO) && "isTTY" in context.stdin && context.stdin.isTTY === true) {
    throw new UsageError(
      ["- reads a recording from standard input, which is a terminal here: use `gigastt transcribe - <FILE`"],
      ["transcribe"],
    );
  }
  const outputs = await planOutputs({ ...asked, inputs, cwd });
  const { config } = await loadCliConfig(context);
  const rules = { ...config.subtitles, ...asked.subtitles };
  const job = { ...asked, inputs, exportOptions: { ...asked.exportOptions, rules } };
  const status = createStatusLine(stderr);
  const bundle = await locateModel(config.model, { env });
  // One recording that is not there needs no model to say so; among several it is reported in its turn.
  if (job.inputs.length === 1 && !(await isUsable(job.inputs[0] ?? STDIO, context))) return 1;
  if (bundle.notice !== undefined) stderr.write(`${bundle.notice}\n`);
  let transcriber: Transcriber | undefined;
  try {
    status.show("checking and loading the model");
    await verifyBundle(bundle, { signal });
    transcriber = await startTranscriber({ config, bundle, readsStdin: job.inputs.includes(STDIO), cwd, signal });
    let failed = 0;
    for (const [i, input] of job.inputs.entries()) {
      signal.throwIfAborted();
      const ok = await transcribeOne({ context, job, input, output: outputs[i], transcriber, status });
      if (!ok) failed++;
      if (!transcriber.isAlive && i + 1 < job.inputs.length) {
        status.clear();
        stderr.write(`gigastt: ${job.inputs.length - i - 1} more files were not tried\n`);
        return 1;
      }
    }
    return failed > 0 ? 1 : 0;
  } finally {
    status.clear();
    await transcriber?.close();
  }
}

/** False when it cannot be read, which has been said then. */
async function isUsable(input: string, context: CommandContext): Promise<boolean> {
  if (input === STDIO) return true;
  try {
    await requireFile(resolve(context.cwd, input));
    return true;
  } catch (error) {
    sayFailed(input, messageOf(error), context);
    return false;
  }
}

function sayFailed(input: string, message: string, context: CommandContext): void {
  const { stderr } = context;
  stderr.write(`${paintFor(stderr, context).red("gigastt:")} ${nameOf(input)}: ${message}\n`);
}

function sayWarning(input: string, message: string, { stderr }: CommandContext): void {
  stderr.write(`gigastt: ${nameOf(input)}: warning: ${message}\n`);
}

function nameOf(input: string): string {
  return input === STDIO ? "standard input" : printable(input, 500);
}

interface OneFile {
  readonly context: CommandContext;
  readonly job: TranscribeJob;
  readonly input: string;
  readonly output: string | undefined;
  readonly transcriber: Transcriber;
  readonly status: StatusLine;
}

/** True = recognised and written. A failure is reported in a line and, in JSON for several files, in the output. */
async function transcribeOne({ context, job, input, output, transcriber, status }: OneFile): Promise<boolean> {
  const { stdout, stderr, signal } = context;
  const several = job.inputs.length > 1;
  try {
    const path = input === STDIO ? input : resolve(context.cwd, input);
    if (path !== STDIO) await requireFile(path);
    status.show(input);
    const transcripts = await transcriber.transcribe(path, job.file, (doneS, totalS) =>
      status.show(progressText(input, doneS, totalS)),
    );
    status.clear();
    for (const { message } of transcripts[0]?.warnings ?? []) sayWarning(input, message, context);
    if (output !== undefined) {
      await writeOutput(output, exportTranscript(transcripts, job.format, job.exportOptions));
      stderr.write(`${output}\n`);
    } else {
      stdout.write(
        several ? renderAmong(input, transcripts, job) : exportTranscript(transcripts, job.format, job.exportOptions),
      );
    }
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GigasttError)) throw error;
    status.clear();
    const { code } = error;
    const message = saidOf(error);
    sayFailed(input, message, context);
    if (several && job.format === "json" && output === undefined) {
      stdout.write(`${JSON.stringify({ file: input, error: { code, message } })}\n`);
    }
    return false;
  }
}

/** The sentence for the terminal. */
export function saidOf(error: GigasttError): string {
  if (!(error instanceof AudioError)) return error.message;
  const said = wordAudioProblem(error.problem, "cli");
  return error.problem.reason === "too_long" ? `${said}, or raise it with --set limits.maxAudioDuration=…` : said;
}

/** One of several on standard output: a JSON value a line with its file, or text under a heading. */
function renderAmong(input: string, transcripts: readonly FormattableTranscript[], job: TranscribeJob): string {
  if (job.format === "json") {
    return `${JSON.stringify({ file: input, ...transcriptJson(transcripts, job.exportOptions) })}\n`;
  }
  return `==> ${input} <==\n${exportTranscript(transcripts, job.format, job.exportOptions)}\n`;
}

async function requireFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory())
      throw new GigasttError(
        "GST_INPUT",
        "is a folder without recordings; pass the files themselves if their names have no known extension",
      );
  } catch (error) {
    if (error instanceof GigasttError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new GigasttError("GST_INPUT", code === "ENOENT" ? "file not found" : `cannot be read (${messageOf(error)})`, {
      cause: error,
    });
  }
}

function progressText(input: string, doneS: number, totalS: number | undefined): string {
  if (totalS === undefined || totalS <= 0) return `${input}  ${clock(doneS)}`;
  return `${input}  ${Math.min(100, Math.floor((doneS / totalS) * 100))} %  ${clock(doneS)} of ${clock(totalS)}`;
}

function clock(seconds: number): string {
  const s = Math.floor(seconds);
  const hours = Math.floor(s / 3600);
  const rest = `${String(Math.floor((s % 3600) / 60)).padStart(hours > 0 ? 2 : 1, "0")}:${String(s % 60).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
