import type { HotWord } from "../shared/hot-words.ts";
import { WireError, messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import { createCapacityMeter, type CapacityMeter } from "./pool/capacity.ts";
import type { Engine, EngineState, ModelInfo } from "./contract.ts";
import { hostAudioThread, type AudioThreadHost, type HostWindow } from "./thread/host.ts";
import type { OpenAudioThread } from "./thread/link.ts";
import type { AudioSettings } from "./thread/protocol.ts";
import type { WindowResult } from "./acoustic/protocol.ts";
import type { InferencePool } from "./pool/pool.ts";
import { setInterval, setTimeout } from "../shared/time/timers.ts";

/** A loaded model with its workers. */
export interface LoadedBackend {
  readonly info: ModelInfo;
  readonly pool: InferencePool;
  readonly settings: AudioSettings;
  readonly workers: number;
  /** Measured at warm-up. */
  readonly realTimeFactor: number;
}

export interface EngineParts {
  /**
   * @param again true when the model is loaded once more after an idle time
   * @param onEncoderChange called when another form of the encoder reads from now on
   */
  readonly load: (again: boolean, onEncoderChange: () => void) => Promise<LoadedBackend>;
  /** Without work for this long the model leaves memory; 0 = never. */
  readonly idleUnloadMs: number;
  /** Phrases to expect in all audio, besides those of a request. */
  readonly hotWords?: readonly HotWord[];
  readonly openLiveThread: OpenAudioThread;
  readonly openFileThread: OpenAudioThread;
  readonly log: Logger;
}

/** What every engine shares: states, audio threads, counters, closing. The ONNX engine and the fake differ in `load` alone. */
export function createEngineFrom(options: EngineParts): Engine {
  let state: EngineState = "loading";
  let info: ModelInfo | undefined;
  let backend: LoadedBackend | undefined;
  let live: AudioThreadHost | undefined;
  let files: AudioThreadHost | undefined;
  let meter: CapacityMeter | undefined;
  let starting: Promise<ModelInfo> | undefined;
  let unloading: Promise<void> | undefined;
  /** Of threads that have ended. */
  let audioSecondsBefore = 0;
  let encodedSecondsTotal = 0;
  let inferenceSecondsTotal = 0;
  let restartsBefore = 0;
  let usedAtMs = performance.now();
  let retryTimer: NodeJS.Timeout | undefined;
  const idleTimer =
    options.idleUnloadMs > 0 ? setInterval(unloadIfIdle, Math.min(30_000, options.idleUnloadMs / 4)) : undefined;
  idleTimer?.unref();

  async function load(again: boolean): Promise<ModelInfo> {
    // The threads start while the model loads.
    const threads = openThreads();
    try {
      await unloading;
      const loaded = await options.load(again, () => engine.onEncoderChange?.());
      if (state === "closed") {
        await loaded.pool.close();
        throw new WireError("pool_closed", "the recogniser was closed while it loaded");
      }
      backend = loaded;
      info = loaded.info;
      meter = createCapacityMeter(loaded.workers, loaded.realTimeFactor, () => performance.now());
      for (const thread of [threads.live, threads.files]) thread.begin(loaded.settings);
      ({ live, files } = threads);
      state = "ready";
      usedAtMs = performance.now();
      return loaded.info;
    } catch (error) {
      await Promise.all([threads.live.close(), threads.files.close()]);
      if (state !== "closed") state = "failed";
      // The right files may be put back: a later request tries again, but not every one. At the start the caller decides.
      if (again)
        retryTimer = setTimeout(() => void (state === "failed" && (state = "unloaded")), RELOAD_RETRY_MS).unref();
      throw error;
    }
  }

  function openThreads(): Threads {
    const open = (thread: "live" | "files"): AudioThreadHost =>
      hostAudioThread({
        open: thread === "live" ? options.openLiveThread : options.openFileThread,
        recognize,
        onLost: (reason) => options.log.error("engine_audio_thread_lost", { thread, reason }),
        onStreams: (count) => thread === "live" && backend?.pool.setLiveSessions(count),
      });
    return { live: open("live"), files: open("files") };
  }

  function unloadIfIdle(): void {
    if (state !== "ready" || (live?.jobs ?? 0) + (files?.jobs ?? 0) > 0) {
      usedAtMs = performance.now();
      return;
    }
    if (performance.now() - usedAtMs < options.idleUnloadMs) return;
    state = "unloaded";
    starting = undefined;
    options.log.info("model_unloaded", { idle_ms: Math.round(performance.now() - usedAtMs) });
    unloading = release();
  }

  async function release(): Promise<void> {
    const gone = { live, files, pool: backend?.pool };
    audioSecondsBefore += audioSeconds();
    live = undefined;
    files = undefined;
    backend = undefined;
    restartsBefore += gone.pool?.stats().workerRestartsTotal ?? 0;
    await Promise.all([gone.live?.close(), gone.files?.close()]);
    await gone.pool?.close();
  }

  const audioSeconds = (): number => (live?.audioS ?? 0) + (files?.audioS ?? 0);

  function wakeUp(): void {
    state = "loading";
    starting = load(true);
    starting.catch((error: unknown) => options.log.error("model_reload_failed", { reason: messageOf(error) }));
  }

  async function recognize(window: HostWindow): Promise<WindowResult> {
    const { pool, settings } = backend!;
    const { hopSamples, sampleRateHz } = settings.frontEnd;
    const audioS = (window.frames * hopSamples) / sampleRateHz;
    const askedMs = performance.now();
    const result = await pool.run({
      features: window.features,
      frames: window.frames,
      kind: window.kind,
      deadlineMs: askedMs + window.withinMs,
      hotWords: [...(options.hotWords ?? []), ...(window.hotWords ?? [])],
      signal: window.signal,
    });
    const wallS = result.totalMs / 1000;
    meter?.ran(window.kind, audioS * 1000, result.totalMs, performance.now() - askedMs - result.totalMs);
    encodedSecondsTotal += audioS;
    inferenceSecondsTotal += wallS;
    engine.onInference?.(audioS, wallS);
    return result;
  }

  function requireReady(host: AudioThreadHost | undefined): AudioThreadHost {
    if (state === "ready" && host) return host;
    if (state === "closed") throw new WireError("pool_closed", "the recogniser is shutting down");
    if (state === "unloaded") wakeUp();
    if (state === "failed") throw new WireError("initializing", LOAD_FAILED, { retryAfterMs: RELOAD_RETRY_MS });
    throw new WireError("initializing", "the model is still loading", { retryAfterMs: 2000 });
  }

  const engine: Engine = {
    get state() {
      return state;
    },
    get model() {
      return info;
    },
    start: () => (starting ??= load(state === "unloaded")),
    async transcribe(job) {
      return requireReady(files).transcribe(job);
    },
    openStream: (job) => requireReady(live).openStream(job),
    stats() {
      const pool = backend?.pool.stats();
      return {
        workers: pool?.workers ?? 0,
        busyWorkers: pool?.busyWorkers ?? 0,
        queuedWindows: pool?.queuedWindows ?? 0,
        audioSecondsTotal: audioSecondsBefore + audioSeconds(),
        encodedSecondsTotal,
        inferenceSecondsTotal,
        workerRestartsTotal: restartsBefore + (pool?.workerRestartsTotal ?? 0),
      };
    },
    liveCapacity: (speaking = live?.speaking ?? 0) =>
      meter?.live(speaking) ?? {
        speaking: 0,
        sustainable: 1,
        realTimeFactor: undefined,
        canOpenMore: true,
        reason: undefined,
      },
    onInference: undefined,
    onEncoderChange: undefined,
    async close() {
      if (state === "closed") return;
      state = "closed";
      clearInterval(idleTimer);
      clearTimeout(retryTimer);
      await unloading;
      await starting?.catch((error: unknown) => options.log.debug("engine_start_failed", { reason: messageOf(error) }));
      await release();
    },
  };
  return engine;
}

// ---

interface Threads {
  readonly live: AudioThreadHost;
  readonly files: AudioThreadHost;
}

const RELOAD_RETRY_MS = 5000;
const LOAD_FAILED = "the model could not be loaded; the server's log says why";
