import { readFile } from "node:fs/promises";
import type { ResolvedConfig } from "../config/types.ts";
import type { ModelBundle, WindowLimits } from "../models/manifest.ts";
import { trialFields } from "../models/prepare/comparison.ts";
import { verifyBundle } from "../models/verify.ts";
import { parseHotWords } from "../shared/hot-words.ts";
import type { HotWord } from "../shared/hot-words.ts";
import { errorCodeOf, GigasttError, messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import { sleep } from "../shared/time/timers.ts";
import { readMachineLimits } from "../shared/machine/machine-limits.ts";
import type { Engine, ModelInfo } from "./contract.ts";
import { createEngineFrom, type LoadedBackend } from "./lifecycle.ts";
import { openWorkerThread } from "./thread/link.ts";
import { loadRequestOf } from "./acoustic/protocol.ts";
import { createRequestSource } from "./pool/optimized-encoder.ts";
import { createPool } from "./pool/pool.ts";
import { planWorkers, requireMemory } from "./pool/worker-plan.ts";
import { parseVocabulary } from "./acoustic/vocabulary.ts";

/** The ONNX engine: inference workers, an audio thread for live streams and one for files. Nothing runs before `start`. */
export function createEngine(options: {
  readonly config: ResolvedConfig;
  readonly bundle: ModelBundle;
  /** Folder for optimized copies of encoders, which later starts load faster; absent = none are kept. */
  readonly optimizedDir?: string;
  /** Once the model serves, an int8 encoder is rewritten into the form that computes fast, if the configuration allows it. */
  readonly rewritesInBackground?: boolean;
  readonly log: Logger;
}): Engine {
  const { config, bundle, log } = options;
  const limits = readMachineLimits();
  const bytes = bundle.files.reduce((sum, file) => sum + file.bytes, 0);
  const plan = planWorkers(limits, bytes, config.engine);
  const windows = bundle.windows ?? DEFAULT_WINDOWS;

  async function load(again: boolean, onEncoderChange: () => void): Promise<LoadedBackend> {
    // The caller has verified the files it gave us; days later they may be others.
    if (again) await verifyBundle(bundle);
    const vocabulary = parseVocabulary(await readVocabulary(bundle.vocabPath));
    const request = loadRequestOf(bundle, {
      threads: plan.threads,
      maxSymbolsPerFrame: config.engine.maxSymbolsPerFrame,
    });
    const source = createRequestSource(
      bundle,
      request,
      options.optimizedDir === undefined
        ? undefined
        : { dir: options.optimizedDir, rewrites: config.engine.rewriteEncoder },
      (isShared) => requireMemory(limits, { ...bundle, bytes }, isShared ? 1 : plan.workers),
    );
    const pool = createPool({
      workers: plan.workers,
      request: source.next,
      queueLimit: QUEUE_LIMIT,
      loadTimeoutMs: config.model.loadTimeoutMs,
      onWorkerLost: (reason) => log.error("engine_worker_lost", { reason }),
    });
    const loaded = await pool.start().catch(async (error: unknown) => {
      await source.failed();
      throw error;
    });
    log.info("model_loaded", {
      model: bundle.id,
      precision: bundle.precision,
      load_ms: Math.round(loaded.loadMs),
      encoder_from: loaded.encoderFrom,
      encoder_form: source.form(),
      ...plan,
    });
    const stopped = new AbortController();
    let isRewriting = false;
    const rewriting = options.rewritesInBackground === true && (await hasFasterForm()) ? rewrite() : undefined;

    async function hasFasterForm(): Promise<boolean> {
      return source.hasFasterForm().catch((error: unknown) => {
        log.warn("encoder_not_rewritten", { reason: messageOf(error) });
        return false;
      });
    }

    /** Serving goes on with the published form while the fast one is made, and if it is not. Where room is missing, it may be there later. */
    async function rewrite(): Promise<void> {
      for (let tries = 1; !stopped.signal.aborted; tries++) {
        let againMs: number | undefined;
        try {
          isRewriting = true;
          const trial = await source.rewrite(stopped.signal);
          let cleaned: Promise<void> | undefined;
          await pool.renew(() => {
            cleaned = source.renewed();
            isRewriting = false;
            onEncoderChange();
          });
          await cleaned;
          log.info("encoder_rewritten", trialFields(trial));
          return;
        } catch (error) {
          if (stopped.signal.aborted) return;
          if (tries === 1) log.warn("encoder_not_rewritten", { reason: messageOf(error) });
          againMs = REWRITE_AGAIN_MS.get(errorCodeOf(error));
        } finally {
          isRewriting = false;
        }
        if (againMs === undefined) return;
        await sleep(againMs, { signal: stopped.signal, ref: false }).catch(() => {});
      }
    }

    const info: ModelInfo = {
      id: bundle.id,
      name: bundle.name,
      version: bundle.version,
      precision: bundle.precision,
      vocabSize: loaded.vocabSize,
      languages: bundle.languages,
      bundleHash: bundle.bundleHash,
      notice: bundle.notice,
      get encoderForm() {
        return isRewriting ? "rewriting" : source.form();
      },
    };
    return {
      info,
      pool: {
        ...pool,
        close: async () => {
          stopped.abort(new Error("the model is released"));
          await rewriting;
          await pool.close();
        },
      },
      workers: plan.workers,
      realTimeFactor: loaded.realTimeFactor,
      settings: {
        pieces: vocabulary.pieces,
        frontEnd: bundle.frontEnd,
        windows: { ...windows, maxS: Math.min(windows.maxS, LONGEST_WINDOW_S) },
        subsampling: loaded.subsampling,
        partialIntervalMinMs: config.stream.partialIntervalMinMs,
        partialIntervalMaxMs: config.stream.partialIntervalMaxMs,
        parallelWindows: plan.workers + 1,
      },
    };
  }

  return createEngineFrom({
    load,
    idleUnloadMs: config.model.idleUnloadMs,
    hotWords: configuredHotWords(config.engine.hotWords),
    openLiveThread: openWorkerThread({ path: "live", niceness: 1 }),
    openFileThread: openWorkerThread({ path: "files", niceness: 5 }),
    log,
  });
}

// ---

/** Models of the GigaAM family were trained on up to about 25 s. */
const LONGEST_WINDOW_S = 24;
const DEFAULT_WINDOWS: WindowLimits = { mergeS: 0, maxS: LONGEST_WINDOW_S };
/** Windows waiting for a worker. Sessions are few and each asks for one or two, so this only stops a runaway. */
const QUEUE_LIMIT = 1024;
/** Memory and disk change slowly. Another process needs a minute, and its lock is known to be dead after one. */
const REWRITE_AGAIN_MS: ReadonlyMap<string | undefined, number> = new Map([
  ["GST_REWRITE_ROOM", 3_600_000],
  ["GST_REWRITE_BUSY", 65_000],
]);

/** The schema has checked each; only a list of too many different ones is left to refuse. */
function configuredHotWords(phrases: readonly string[]): readonly HotWord[] {
  const words = parseHotWords(phrases);
  if (typeof words === "string") throw new GigasttError("GST_CONFIG_INVALID", `engine.hotWords: ${words}`);
  return words;
}

async function readVocabulary(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new GigasttError(
      "GST_MODEL_LOAD",
      `the model's vocabulary could not be read (${messageOf(error)}). Run \`gigastt models verify\`.`,
      { cause: error },
    );
  }
}
