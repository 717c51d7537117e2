import { fileURLToPath } from "node:url";
import type { ModelConfig } from "../../config/types.ts";
import type { PullEvent } from "../../models/pull.ts";
import { messageOf } from "../../shared/errors.ts";
import { entryFile, installationRoot } from "../../shared/process/entry.ts";
import type { ModelPull } from "../../shared/process/messages.ts";
import type { EventSink } from "../logs/events.ts";
import { runChild } from "../process/run-child.ts";

/** What the downloading process says. */
export type PullerMessage = { readonly event: PullEvent } | { readonly failed: string };

/** The download of the real model while another one serves. */
export interface ModelPuller {
  /** Begins, or goes on with what an earlier one left. Nothing happens while one runs. */
  start(): void;
  state(): ModelPull | null;
  /** Ends the process; what has come stays on the disk. */
  stop(): void;
}

export interface ModelPullerOptions {
  readonly config: () => ModelConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly emit: EventSink;
  /** Takes the model into use. */
  readonly onPulled: () => Promise<unknown>;
  readonly onChange: () => void;
  /** Another program in tests. */
  readonly entry?: URL;
}

const LIMIT_MS = 24 * 60 * 60 * 1000;
/** Between two reports of the progress. */
const REPORT_MS = 1000;

export function createModelPuller(options: ModelPullerOptions): ModelPuller {
  const { emit, onChange } = options;
  let state: ModelPull | null = null;
  let abort: AbortController | undefined;
  let done = new Map<string, number>();
  let reportedMs = 0;

  const become = (next: ModelPull): void => {
    state = next;
    onChange();
  };
  const hear = (event: PullEvent): void => {
    if (event.event === "plan") {
      const bytesTotal = event.files.reduce((sum, { bytes }) => sum + bytes, 0);
      emit({ level: "info", event: "model_pull_started", model: event.model, bytes: event.bytesMissing });
      return become({ state: "running", model: event.model, bytesDone: bytesTotal - event.bytesMissing, bytesTotal });
    }
    if (event.event !== "progress" || state === null) return;
    done.set(event.file, event.bytesDone);
    const bytesDone = [...done.values()].reduce((sum, bytes) => sum + bytes, 0);
    state = { ...state, bytesDone: Math.max(state.bytesDone, bytesDone) };
    if (Date.now() - reportedMs < REPORT_MS) return;
    reportedMs = Date.now();
    onChange();
  };
  const fail = (reason: string): void => {
    emit({ level: "warn", event: "model_pull_failed", reason });
    become({
      state: "failed",
      model: state?.model ?? "",
      bytesDone: state?.bytesDone ?? 0,
      bytesTotal: state?.bytesTotal ?? 0,
      reason,
    });
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    let failed: string | undefined;
    const { trouble, lines } = await runChild(
      {
        file: process.execPath,
        args: [fileURLToPath(options.entry ?? entryFile("supervisor/helpers/pull-main"))],
        env: options.env,
        cwd: fileURLToPath(installationRoot()),
        ipc: true,
      },
      {
        timeoutMs: LIMIT_MS,
        signal,
        message: options.config(),
        onMessage: (raw) => {
          const message = raw as PullerMessage; // both ends come from one build
          if ("event" in message) hear(message.event);
          else failed = message.failed;
        },
      },
    );
    if (signal.aborted) return;
    if (failed !== undefined || trouble !== undefined)
      return fail(failed ?? `${trouble}: ${lines.join(" ").slice(-500)}`);
    become({
      state: "switching",
      model: state?.model ?? "",
      bytesDone: state?.bytesTotal ?? 0,
      bytesTotal: state?.bytesTotal ?? 0,
    });
    emit({ level: "info", event: "model_pulled", model: state?.model });
    try {
      await options.onPulled();
      if (state !== null) become({ ...state, state: "done" });
    } catch (error) {
      fail(messageOf(error));
    }
  };
  return {
    start: () => {
      if (state?.state === "running" || state?.state === "switching") return;
      done = new Map();
      abort = new AbortController();
      become({ state: "running", model: "", bytesDone: 0, bytesTotal: 0 });
      void run(abort.signal);
    },
    state: () => state,
    stop: () => abort?.abort(),
  };
}
