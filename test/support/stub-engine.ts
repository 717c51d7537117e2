import type { Engine, ModelInfo } from "../../src/engine/contract.ts";

/** A minimal engine for the first runtime tests; replaced by the fake engine when it lands. */
export function createStubEngine(): Engine {
  const model: ModelInfo = {
    id: "stub",
    name: "Stub",
    version: "1",
    precision: "int8",
    vocabSize: 1,
    bundleHash: "0".repeat(64),
    notice: undefined,
  };
  let state: Engine["state"] = "loading";
  return {
    get state() {
      return state;
    },
    get model() {
      return state === "ready" ? model : undefined;
    },
    start: () => {
      state = "ready";
      return Promise.resolve(model);
    },
    transcribe: async ({ audio }) => {
      let bytes = 0;
      for await (const block of audio) bytes += block.length;
      return [{ text: `${bytes} bytes`, words: [], segments: [], durationS: bytes / 32_000, confidence: undefined }];
    },
    openStream: () => {
      throw new Error("the stub has no streams");
    },
    stats: () => ({
      workers: 1,
      busyWorkers: 0,
      queuedWindows: 0,
      audioSecondsTotal: 0,
      inferenceSecondsTotal: 0,
      workerRestartsTotal: 0,
    }),
    onInference: undefined,
    close: () => Promise.resolve(),
  };
}
