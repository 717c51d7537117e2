import { Worker } from "node:worker_threads";
import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError, WireError, messageOf } from "../../shared/errors.ts";
import type { HotWord } from "../../shared/hot-words.ts";
import { createWindowQueue, type Queueable } from "./queue.ts";
import type { FromInference, LoadedModel, LoadRequest, ToInference, WindowResult } from "../acoustic/protocol.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** One window of features to recognise. */
export interface WindowJob extends Queueable {
  /** [melBins, frames]. Given away: the pool transfers it. */
  readonly features: Float32Array;
  readonly hotWords?: readonly HotWord[] | undefined;
  readonly signal: AbortSignal;
}

/** `renewed` takes the place of a worker that still serves. */
export type WorkerKind = "first" | "other" | "replacement" | "renewed";

export interface PoolOptions {
  readonly workers: number;
  /**
   * What the next worker loads. A replacement's files may have changed: rejects to refuse them, and is asked again later.
   */
  readonly request: (worker: WorkerKind) => Promise<LoadRequest>;
  /** Most windows that wait; one more is refused. */
  readonly queueLimit: number;
  readonly loadTimeoutMs: number;
  /** The worker's program; default `engine/inference-main`. */
  readonly entry?: URL;
  /** Called when a worker was lost and is being replaced. */
  readonly onWorkerLost: (reason: string) => void;
}

export interface PoolStats {
  readonly workers: number;
  readonly busyWorkers: number;
  readonly queuedWindows: number;
  readonly workerRestartsTotal: number;
}

/**
 * Worker threads that own the ONNX sessions, and the one queue in front of them.
 * A busy worker is never terminated: that aborts the process (exit 134, onnxruntime-node 1.30).
 * Cancelling drops what still waits and forgets the answer of what runs.
 */
export interface InferencePool {
  /** Loads the model in every worker. Rejects with the first load error. */
  start(): Promise<LoadedModel>;
  /** Rejects with the signal's reason, or a WireError: `pool_closed`, `queue_full`, `inference_error`. */
  run(job: WindowJob): Promise<WindowResult>;
  stats(): PoolStats;
  /** How many live sessions are open: file windows then leave a worker to them. */
  setLiveSessions(count: number): void;
  /** Rejects what waits, waits for what runs, frees the sessions. */
  close(): Promise<void>;
}

export interface RenewablePool extends InferencePool {
  /**
   * Puts newly loaded workers in the places of all, at once: no window that begins afterwards is read by an old one. A busy one leaves after its window.
   * Rejects with a load error: then all stay as they were.
   * @param onSwitch called at that moment
   */
  renew(onSwitch?: () => void): Promise<void>;
}

export function createPool(options: PoolOptions): RenewablePool {
  const slots: Slot[] = [];
  const queue = createWindowQueue<Queued>();
  let nextId = 1;
  let closing = false;
  let liveSessions = 0;
  let restarts = 0;
  let restartDelayMs = RESTART_DELAY_MIN_MS;
  const pendingRestarts = new Set<NodeJS.Timeout>();

  async function start(): Promise<LoadedModel> {
    try {
      // The first worker alone: a broken model is reported once, and the others find its files prepared, or in the page cache.
      const model = await addWorker(await options.request("first"));
      const request = await options.request("other");
      await Promise.all(Array.from({ length: options.workers - 1 }, () => addWorker(request)));
      return model;
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** @param waits it takes no window until `renew` says so */
  function addWorker(request: LoadRequest, waits = false): Promise<LoadedModel> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(options.entry ?? entryFile("engine/inference-main"), {
        name: "gigastt-inference",
        resourceLimits: { maxYoungGenerationSizeMb: 4 },
      });
      const slot: Slot = { worker, state: "loading", current: undefined };
      slots.push(slot);
      const timer = setTimeout(() => {
        // It may be stuck inside native code, where it must not be terminated: the start goes on without it.
        slot.state = "failed";
        slots.splice(slots.indexOf(slot), 1);
        post(slot, { type: "close" });
        worker.unref();
        slot.exited?.();
        reject(
          new GigasttError(
            "GST_MODEL_LOAD_TIMEOUT",
            `the model must load within model.loadTimeout (${options.loadTimeoutMs} ms), it did not: raise it, or use int8 weights.`,
          ),
        );
      }, options.loadTimeoutMs);
      worker.on("message", (message: FromInference) => {
        switch (message.type) {
          case "loaded":
            clearTimeout(timer);
            if (slot.state !== "loading") return;
            slot.state = waits ? "waiting" : "idle";
            restartDelayMs = RESTART_DELAY_MIN_MS;
            resolve(message.model);
            if (closing || slot.retires === true) shutDown(slot);
            else pump();
            break;
          case "load_failed":
            clearTimeout(timer);
            slot.state = "failed";
            reject(new GigasttError(message.code, message.message));
            shutDown(slot);
            break;
          case "done":
            if (slot.current) queue.ran(slot.current, message.result.totalMs);
            finish(slot, message.id, (queued) => queued.resolve(message.result));
            break;
          case "failed":
            finish(slot, message.id, (queued) => queued.reject(inferenceError(message.message)));
            break;
        }
      });
      worker.on("error", (error: unknown) => {
        slot.lastError = messageOf(error);
      });
      worker.on("exit", (code) => {
        clearTimeout(timer);
        const wasLoading = slot.state === "loading" || slot.state === "waiting";
        const expected = slot.state === "closing" || slot.state === "failed";
        if (slots.includes(slot)) slots.splice(slots.indexOf(slot), 1);
        const reason = slot.lastError ?? `the worker ended with code ${code}`;
        const lost = slot.current;
        slot.current = undefined;
        lost?.reject(inferenceError(reason));
        slot.exited?.();
        if (wasLoading) reject(new GigasttError("GST_MODEL_LOAD", `the model could not be loaded: ${reason}.`));
        // A worker that never loaded is its starter's concern.
        if (!expected && !closing && !wasLoading && slot.retires !== true) replace(reason);
      });
      post(slot, { type: "load", request });
    });
  }

  /** Renewing brings a worker for each, also for one that was about to be replaced. */
  const isComplete = (): boolean =>
    slots.filter(({ state }) => state === "idle" || state === "busy" || state === "loading").length >= options.workers;

  function replace(reason: string): void {
    restarts++;
    options.onWorkerLost(reason);
    const timer = setTimeout(() => {
      pendingRestarts.delete(timer);
      // Its own exit or load error brings us back here with a longer delay.
      options
        .request("replacement")
        .then((request) => (closing || isComplete() ? undefined : addWorker(request)))
        .catch((error: unknown) => {
          if (!closing) replace(messageOf(error));
        });
    }, restartDelayMs);
    pendingRestarts.add(timer);
    restartDelayMs = Math.min(restartDelayMs * 2, RESTART_DELAY_MAX_MS);
    // With no worker left, waiting windows would wait for the model to load again: better an answer now.
    if (!slots.some((slot) => slot.state === "idle" || slot.state === "busy")) {
      for (const queued of queue.clear()) queued.reject(inferenceError(reason));
    }
  }

  function finish(slot: Slot, id: number, settle: (queued: Queued) => void): void {
    const queued = slot.current;
    slot.current = undefined;
    if (slot.state === "busy") slot.state = "idle";
    if (queued?.id === id) settle(queued);
    if (closing || slot.retires === true) shutDown(slot);
    if (!closing) pump();
  }

  function pump(): void {
    for (;;) {
      const idle = slots.filter((slot) => slot.state === "idle");
      const slot = idle[0];
      if (!slot) return;
      // A file window runs to its end: with a second worker, one is left to the live sessions. The only one left alive serves both.
      const alive = idle.length + slots.filter(({ state }) => state === "busy").length;
      const queued = queue.take(liveSessions > 0 && alive > 1 && idle.length === 1);
      if (!queued) return;
      slot.current = queued;
      slot.state = "busy";
      const { features, frames, hotWords } = queued.job;
      post(slot, { type: "run", id: queued.id, features, frames, hotWords }, [features.buffer]);
    }
  }

  function run(job: WindowJob): Promise<WindowResult> {
    return new Promise((resolve, reject) => {
      if (job.signal.aborted) return reject(job.signal.reason as Error);
      if (closing) return reject(new WireError("pool_closed", "the recogniser is shutting down"));
      if (restarts > 0 && !slots.some((slot) => slot.state === "idle" || slot.state === "busy")) {
        return reject(inferenceError("no worker is alive"));
      }
      if (queue.length >= options.queueLimit) {
        return reject(new WireError("queue_full", "too many windows wait for the recogniser", { retryAfterMs: 2000 }));
      }
      const onAbort = (): void => {
        queue.remove(queued);
        reject(job.signal.reason as Error);
      };
      job.signal.addEventListener("abort", onAbort, { once: true });
      const done = (): void => job.signal.removeEventListener("abort", onAbort);
      const queued: Queued = {
        id: nextId++,
        kind: job.kind,
        deadlineMs: job.deadlineMs,
        frames: job.frames,
        job,
        resolve: (result) => {
          done();
          resolve(result);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      queue.add(queued);
      pump();
    });
  }

  async function renew(onSwitch?: () => void): Promise<void> {
    const request = await options.request("renewed");
    const newOnes = (): Slot[] => slots.filter(({ state }) => state === "waiting");
    const loads = await Promise.allSettled(Array.from({ length: options.workers }, () => addWorker(request, true)));
    const failed = loads.find((load) => load.status === "rejected");
    if (failed !== undefined || newOnes().length < options.workers) {
      for (const slot of newOnes()) shutDown(slot);
      if (closing) return;
      throw failed?.reason ?? new GigasttError("GST_MODEL_LOAD", "a new worker ended before it was used.");
    }
    const fresh = newOnes();
    for (const slot of slots) {
      if (fresh.includes(slot)) continue;
      slot.retires = true;
      if (slot.state === "idle") shutDown(slot);
    }
    for (const slot of fresh) slot.state = "idle";
    onSwitch?.();
    pump();
  }

  async function close(): Promise<void> {
    closing = true;
    for (const timer of pendingRestarts) clearTimeout(timer);
    for (const queued of queue.clear()) queued.reject(new WireError("pool_closed", "the recogniser is shutting down"));
    await Promise.all(
      slots.map(
        (slot) =>
          new Promise<void>((resolve) => {
            slot.exited = resolve;
            if (slot.state === "idle" || slot.state === "failed" || slot.state === "waiting") shutDown(slot);
          }),
      ),
    );
  }

  function shutDown(slot: Slot): void {
    if (slot.state === "busy" || slot.state === "loading") return;
    slot.state = "closing";
    post(slot, { type: "close" });
  }

  return {
    start,
    run,
    renew,
    close,
    setLiveSessions: (count) => {
      liveSessions = count;
      pump();
    },
    stats: () => ({
      workers: slots.filter((slot) => slot.state === "idle" || slot.state === "busy").length,
      busyWorkers: slots.filter((slot) => slot.state === "busy").length,
      queuedWindows: queue.length,
      workerRestartsTotal: restarts,
    }),
  };
}

// ---

const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 30_000;

interface Slot {
  readonly worker: Worker;
  state: "loading" | "waiting" | "idle" | "busy" | "closing" | "failed";
  current: Queued | undefined;
  lastError?: string;
  /** Another worker has its place. */
  retires?: boolean;
  exited?: () => void;
}

interface Queued extends Queueable {
  readonly id: number;
  readonly job: WindowJob;
  resolve(result: WindowResult): void;
  reject(error: Error): void;
}

function post(slot: Slot, message: ToInference, transfer: ArrayBufferLike[] = []): void {
  slot.worker.postMessage(
    message,
    transfer.filter((buffer) => buffer instanceof ArrayBuffer),
  );
}

/** The native message may name files and shapes: it is the cause, never the text. */
function inferenceError(detail: string): WireError {
  return new WireError("inference_error", "this part of the audio could not be recognised", {
    cause: new Error(detail),
  });
}
