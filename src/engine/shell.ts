import { WireError, messageOf } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import type { Engine, EngineState, ModelInfo } from "./contract.ts";
import { createFrontHost, type FrontHost, type HostWindow } from "./front/host.ts";
import type { OpenFront } from "./front/link.ts";
import type { FrontSettings } from "./front/protocol.ts";
import type { WindowResult } from "./model/protocol.ts";
import type { InferencePool } from "./pool.ts";

/** A loaded model with its workers. */
export interface LoadedBackend {
  readonly info: ModelInfo;
  readonly pool: InferencePool;
  readonly settings: FrontSettings;
}

export interface ShellOptions {
  readonly load: () => Promise<LoadedBackend>;
  readonly openLiveFront: OpenFront;
  readonly openFileFront: OpenFront;
  readonly log: Logger;
}

/** What every engine shares: states, fronts, counters, closing. The ONNX engine and the fake differ in `load` alone. */
export function createEngineShell(options: ShellOptions): Engine {
  let state: EngineState = "loading";
  let backend: LoadedBackend | undefined;
  let live: FrontHost | undefined;
  let files: FrontHost | undefined;
  let starting: Promise<ModelInfo> | undefined;
  let audioSecondsTotal = 0;
  let inferenceSecondsTotal = 0;

  async function load(): Promise<ModelInfo> {
    try {
      const loaded = await options.load();
      if (state === "closed") {
        await loaded.pool.close();
        throw new WireError("pool_closed", "the recogniser was closed while it loaded");
      }
      backend = loaded;
      const common = { settings: loaded.settings, recognize };
      live = createFrontHost({
        ...common,
        open: options.openLiveFront,
        onLost: (reason) => options.log.error("engine_front_lost", { front: "live", reason }),
        onStreams: (open) => loaded.pool.setLiveSessions(open),
      });
      files = createFrontHost({
        ...common,
        open: options.openFileFront,
        onLost: (reason) => options.log.error("engine_front_lost", { front: "files", reason }),
        onStreams: () => {},
      });
      state = "ready";
      return loaded.info;
    } catch (error) {
      if (state !== "closed") state = "failed";
      throw error;
    }
  }

  async function recognize(window: HostWindow): Promise<WindowResult> {
    const { pool, settings } = backend!;
    const { hopSamples, sampleRateHz } = settings.frontEnd;
    const audioS = (window.frames * hopSamples) / sampleRateHz;
    const result = await pool.run({
      features: window.features,
      frames: window.frames,
      kind: window.kind,
      deadlineMs: performance.now() + window.withinMs,
      signal: window.signal,
    });
    const wallS = result.totalMs / 1000;
    audioSecondsTotal += audioS;
    inferenceSecondsTotal += wallS;
    engine.onInference?.(audioS, wallS);
    return result;
  }

  function requireReady(host: FrontHost | undefined): FrontHost {
    if (state === "ready" && host) return host;
    if (state === "closed") throw new WireError("pool_closed", "the recogniser is shutting down");
    throw new WireError("initializing", "the model is still loading", { retryAfterMs: 2000 });
  }

  const engine: Engine = {
    get state() {
      return state;
    },
    get model() {
      return backend?.info;
    },
    start: () => (starting ??= load()),
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
        audioSecondsTotal,
        inferenceSecondsTotal,
        workerRestartsTotal: pool?.workerRestartsTotal ?? 0,
      };
    },
    onInference: undefined,
    async close() {
      if (state === "closed") return;
      state = "closed";
      await starting?.catch((error: unknown) => options.log.debug("engine_start_failed", { reason: messageOf(error) }));
      await Promise.all([live?.close(), files?.close()]);
      await backend?.pool.close();
    },
  };
  return engine;
}
