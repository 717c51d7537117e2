import type { ResolvedConfig } from "../../config/types.ts";
import type { ModelBundle } from "../../models/manifest.ts";
import { entryFile } from "../../shared/process/entry.ts";
import { AudioError, type AudioProblem } from "../../shared/audio-problem.ts";
import { GigasttError } from "../../shared/errors.ts";
import { startHelper } from "../../shared/process/program.ts";
import type { HelperEnd, HelperOptions } from "../../shared/process/program.ts";
import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** How one file is to be read; the engine program's `options`. */
export interface FileOptions {
  readonly channels: "mix" | "split";
  readonly headerless?: { readonly codec: "pcmu" | "pcma" | "s16le"; readonly sampleRateHz: number };
  readonly track?: string;
  readonly strict: boolean;
}

/** The engine in a process of its own: the CLI never loads ONNX. */
export interface Transcriber {
  /** One file at a time; `-` is standard input. Rejects with a GigasttError when this file failed. */
  transcribe(
    path: string,
    options: FileOptions,
    onProgress: (doneS: number, totalS: number | undefined) => void,
  ): Promise<readonly FormattableTranscript[]>;
  /** False once the program has died: no further file can be recognised. */
  readonly isAlive: boolean;
  close(): Promise<void>;
}

/** The protocol of src/engine/transcribe-main.ts, as far as this side reads it. */
type Answer =
  | { readonly type: "ready" }
  | { readonly type: "fatal"; readonly code: string; readonly message: string }
  | { readonly type: "progress"; readonly id: number; readonly doneS: number; readonly totalS?: number }
  | { readonly type: "result"; readonly id: number; readonly transcripts: readonly FormattableTranscript[] }
  | {
      readonly type: "error";
      readonly id: number;
      readonly code: string;
      readonly message: string;
      readonly problem?: AudioProblem;
    };

/** Starts the program and waits until the model is loaded. @throws GigasttError, or the signal's reason when aborted. */
export async function startTranscriber(options: {
  readonly config: ResolvedConfig;
  readonly bundle: ModelBundle;
  readonly readsStdin: boolean;
  readonly cwd: string;
  readonly signal: AbortSignal;
}): Promise<Transcriber> {
  const { config, bundle, signal } = options;
  signal.throwIfAborted();
  const life = await startLife(
    { stdin: options.readsStdin ? "inherit" : "ignore", cwd: options.cwd, serialization: "advanced" },
    signal,
  );
  try {
    await life.ask({ type: "start", config, bundle }, (answer) => {
      if (answer.type === "ready") return { done: true };
      if (answer.type === "fatal") throw new GigasttError(answer.code, answer.message);
      return undefined;
    });
  } catch (error) {
    life.kill();
    throw error;
  }
  let lastId = 0;
  return {
    get isAlive() {
      return life.isAlive();
    },
    transcribe: async (path, fileOptions, onProgress) => {
      const id = ++lastId;
      const { transcripts } = await life.ask({ type: "file", id, path, options: fileOptions }, (answer) => {
        if (!("id" in answer) || answer.id !== id) return undefined;
        if (answer.type === "error") {
          throw answer.problem ? new AudioError(answer.problem) : new GigasttError(answer.code, answer.message);
        }
        if (answer.type === "result") return answer;
        onProgress(answer.doneS, answer.totalS);
        return undefined;
      });
      return transcripts;
    },
    close: () => life.close(),
  };
}

interface Life {
  /** Sends a message and reads answers until one of them settles it; rejects when the program dies or the signal fires. */
  ask<T>(message: object, read: (answer: Answer) => T | undefined): Promise<T>;
  isAlive(): boolean;
  kill(): void;
  close(): Promise<void>;
}

async function startLife(options: Omit<HelperOptions, "onMessage">, signal: AbortSignal): Promise<Life> {
  const listeners = new Set<(answer: Answer) => void>();
  const helper = await startHelper(entryFile("engine/transcribe-main"), {
    ...options,
    onMessage: (answer) => {
      // Both ends come from one build.
      for (const listener of listeners) listener(answer as Answer);
    },
  });
  let death: GigasttError | undefined;
  const died = helper.ended.then((end) => {
    death = deathOf(end);
  });
  // On Ctrl-C the terminal signals the whole group; `kill` of this process alone must end the program too.
  const onAbort = (): void => helper.kill("SIGTERM");
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    isAlive: () => death === undefined,
    kill: () => helper.kill("SIGTERM"),
    ask: (message, read) =>
      new Promise((resolve, reject) => {
        const finish = (act: () => void): void => {
          listeners.delete(onMessage);
          act();
        };
        const onMessage = (answer: Answer): void => {
          try {
            const value = read(answer);
            if (value !== undefined) finish(() => resolve(value));
          } catch (error) {
            finish(() => reject(error));
          }
        };
        listeners.add(onMessage);
        void died.then(() => finish(() => reject(signal.aborted ? signal.reason : death)));
        // A dead program is reported by `died`.
        void helper.send(message);
      }),
    close: async () => {
      signal.removeEventListener("abort", onAbort);
      if (death === undefined) void helper.send({ type: "close" });
      const impatience = setTimeout(() => helper.kill("SIGKILL"), 5000);
      await died;
      clearTimeout(impatience);
    },
  };
}

function deathOf({ exitCode, signal, startFailure, stderr }: HelperEnd): GigasttError {
  if (startFailure !== undefined)
    return new GigasttError("GST_ENGINE_START", `the engine could not be started (${startFailure}).`);
  const hint =
    signal === "SIGKILL"
      ? " The system kills programs that take too much memory: see `gigastt doctor`, or use int8 weights and fewer engine.workers."
      : "";
  const tail = stderr.trim().split("\n").slice(-5).join("\n");
  return new GigasttError(
    "GST_ENGINE_DIED",
    `the engine ended with ${signal ?? `exit code ${exitCode}`}.${hint}${tail === "" ? "" : `\n${tail}`}`,
  );
}
