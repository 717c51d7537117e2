import type { Engine, EngineStats, LiveCapacity, ModelInfo } from "../../engine/contract.ts";
import { WireError } from "../../shared/errors.ts";

const NO_STATS: EngineStats = {
  workers: 0,
  busyWorkers: 0,
  queuedWindows: 0,
  audioSecondsTotal: 0,
  encodedSecondsTotal: 0,
  inferenceSecondsTotal: 0,
  workerRestartsTotal: 0,
};

const NO_CAPACITY: LiveCapacity = {
  speaking: 0,
  sustainable: 1,
  realTimeFactor: undefined,
  canOpenMore: true,
  reason: undefined,
};

/**
 * An engine that is only found, verified and built when it is started: the server can listen and answer `/health` at once.
 * Until then it is `loading` and refuses work with `initializing`.
 */
export function createDeferredEngine(build: () => Promise<Engine>): Engine {
  let inner: Engine | undefined;
  let failed = false;
  let closed = false;
  let onInference: Engine["onInference"];
  let onEncoderChange: Engine["onEncoderChange"];
  const required = (): Engine => {
    if (inner === undefined) throw new WireError("initializing", "the model is still loading");
    return inner;
  };
  return {
    get state() {
      if (closed) return "closed";
      if (failed) return "failed";
      return inner?.state ?? "loading";
    },
    get model() {
      return inner?.model;
    },
    start: async (): Promise<ModelInfo> => {
      try {
        const built = await build();
        // A drain may have come first.
        if (closed) await built.close();
        inner = built;
        inner.onInference = onInference;
        inner.onEncoderChange = onEncoderChange;
        return await inner.start();
      } catch (error) {
        failed = true;
        throw error;
      }
    },
    transcribe: async (options) => required().transcribe(options),
    openStream: (options) => required().openStream(options),
    stats: () => inner?.stats() ?? NO_STATS,
    liveCapacity: (speaking) => inner?.liveCapacity(speaking) ?? NO_CAPACITY,
    get onInference() {
      return onInference;
    },
    set onInference(listener) {
      onInference = listener;
      if (inner !== undefined) inner.onInference = listener;
    },
    get onEncoderChange() {
      return onEncoderChange;
    },
    set onEncoderChange(listener) {
      onEncoderChange = listener;
      if (inner !== undefined) inner.onEncoderChange = listener;
    },
    close: async () => {
      closed = true;
      await inner?.close();
    },
  };
}
