// Program entry behind `gigastt transcribe`: one engine, files one after the other, spoken to over Node's IPC channel.
//
// Started with `fork(entryFile("engine/transcribe-main"), { serialization: "advanced" })` (json works as well: nothing here
// needs more). Standard input is the audio of a file whose path is `-`; standard output stays unused.
//
//   → { type: "start", config: ResolvedConfig, bundle: ModelBundle }     once, first
//   ← { type: "ready", model: ModelInfo }  |  { type: "fatal", code, message }  (exits 1 after it)
//   → { type: "file", id, path, options?: { channels?: "mix" | "split", headerless?: HeaderlessFormat, track?: string, strict?: boolean, maxDurationMs?: number } }
//   ← { type: "progress", id, doneS, totalS? }                           at most ten a second
//   ← { type: "result", id, transcripts: Transcript[] }
//   ← { type: "error", id, code, message, problem? }                     `problem` when the audio is at fault; the next file is still taken
//   → { type: "cancel", id }                                             answered by `error` with code `aborted`
//   → { type: "close" }                                                  finishes, frees the model, exits 0
//
// When the parent goes away (`disconnect`) everything is dropped and the process ends.
import { createReadStream } from "node:fs";
import type { ResolvedConfig } from "../config/types.ts";
import type { ModelBundle } from "../models/manifest.ts";
import { optimizedDir } from "../models/paths.ts";
import { AudioError, type AudioProblem } from "../shared/audio-problem.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { silentLogger } from "../shared/log.ts";
import type { Engine, HeaderlessFormat, ModelInfo, Transcript } from "./contract.ts";
import { createEngine } from "./engine.ts";
import { createFakeEngine } from "./fake.ts";

/** Command → this program. */
export type ToTranscriber =
  | { readonly type: "start"; readonly config: ResolvedConfig; readonly bundle: ModelBundle }
  | { readonly type: "file"; readonly id: number; readonly path: string; readonly options?: TranscribeFileOptions }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "close" };

export interface TranscribeFileOptions {
  readonly channels?: "mix" | "split";
  readonly headerless?: HeaderlessFormat;
  readonly track?: string;
  readonly strict?: boolean;
  /** Default: limits.maxAudioDuration of the configuration. */
  readonly maxDurationMs?: number;
}

/** This program → command. */
export type FromTranscriber =
  | { readonly type: "ready"; readonly model: ModelInfo }
  | { readonly type: "fatal"; readonly code: string; readonly message: string }
  | { readonly type: "progress"; readonly id: number; readonly doneS: number; readonly totalS?: number }
  | { readonly type: "result"; readonly id: number; readonly transcripts: readonly Transcript[] }
  | {
      readonly type: "error";
      readonly id: number;
      readonly code: string;
      readonly message: string;
      readonly problem?: AudioProblem;
    };

const PROGRESS_INTERVAL_MS = 100;
let engine: Engine | undefined;
let config: ResolvedConfig | undefined;
let queue: Promise<void> = Promise.resolve();
const running = new Map<number, AbortController>();

if (process.send) {
  process.on("message", (message: ToTranscriber) => void receive(message));
  process.on("disconnect", () => void shutDown());
}

function receive(message: ToTranscriber): void {
  switch (message.type) {
    case "start":
      queue = queue.then(() => start(message.config, message.bundle));
      return;
    case "file": {
      const controller = new AbortController();
      running.set(message.id, controller);
      queue = queue.then(() => transcribe(message, controller.signal));
      return;
    }
    case "cancel":
      running.get(message.id)?.abort(new GigasttError("aborted", "the transcription was cancelled"));
      return;
    case "close":
      queue = queue.then(shutDown);
      return;
  }
}

async function start(wanted: ResolvedConfig, bundle: ModelBundle): Promise<void> {
  try {
    config = wanted;
    const copies = optimizedDir(process.env);
    engine =
      wanted.engine.kind === "fake"
        ? createFakeEngine()
        : createEngine({ config: wanted, bundle, optimizedDir: copies, log: silentLogger });
    send({ type: "ready", model: await engine.start() });
  } catch (error) {
    send({ type: "fatal", code: codeOf(error), message: messageOf(error) });
    process.exitCode = 1;
    await shutDown();
  }
}

async function transcribe(file: Extract<ToTranscriber, { type: "file" }>, signal: AbortSignal): Promise<void> {
  const { id, path, options } = file;
  let toldAtMs = 0;
  try {
    if (!engine || !config) throw new GigasttError("initializing", "`start` must be sent before a file");
    const transcripts = await engine.transcribe({
      audio: path === "-" ? process.stdin : readBytes(path),
      channels: options?.channels ?? "mix",
      ...(options?.headerless && { headerless: options.headerless }),
      ...(options?.track !== undefined && { track: options.track }),
      strict: options?.strict ?? false,
      maxDurationMs: options?.maxDurationMs ?? config.limits.maxAudioDurationMs,
      signal,
      onProgress(doneS, totalS) {
        const nowMs = performance.now();
        if (nowMs - toldAtMs < PROGRESS_INTERVAL_MS) return;
        toldAtMs = nowMs;
        send({ type: "progress", id, doneS, ...(totalS !== undefined && { totalS }) });
      },
    });
    send({ type: "result", id, transcripts });
  } catch (error) {
    const problem = error instanceof AudioError ? { problem: error.problem } : {};
    send({ type: "error", id, code: codeOf(error), message: messageOf(error), ...problem });
  } finally {
    running.delete(id);
  }
}

/** Opened at the first read: a stream that fails before anybody listens would end the process. */
async function* readBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(path, { highWaterMark: 256 * 1024 });
}

async function shutDown(): Promise<void> {
  for (const controller of running.values()) controller.abort(new Error("the command has ended"));
  await engine?.close();
  engine = undefined;
  process.stdin.unref();
  if (process.connected) process.disconnect();
}

function send(message: FromTranscriber): void {
  // The parent may be gone.
  if (process.connected) process.send!(message, () => {});
}

/** Our own codes, and those of the system (`ENOENT`). */
function codeOf(error: unknown): string {
  if (error instanceof GigasttError) return error.code;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "GST_INTERNAL";
}
