import { Worker } from "node:worker_threads";
import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { METHODS } from "./methods.ts";
import type { StoreAnswer, StoreCall, StoreThreadData } from "./thread-protocol.ts";
import type { JobStore } from "./types.ts";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Opens the jobs of a SQLite file in a thread of their own. Rejects when the file cannot be used. */
export async function openJobsInThread(file: string): Promise<JobStore> {
  const data: StoreThreadData = { file };
  const worker = new Worker(entryFile("store/jobs/store-main"), {
    name: "jobs",
    workerData: data,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  // An error thrown while it opens the file arrives as a copy: its own fields are kept.
  worker.on("error", (error) => end(revived(error)));
  worker.on("exit", () => end(new GigasttError("GST_STORE_CLOSED", "the job store is closed")));
  worker.on("message", (answer: StoreAnswer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) call?.reject(new GigasttError(answer.error.code ?? "GST_STORE_IO", answer.error.message));
    else call?.resolve(answer.value);
  });

  const ask = (method: keyof JobStore, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      const call: StoreCall = { id: nextId++, method, args };
      waiting.set(call.id, { resolve, reject });
      worker.postMessage(call, []);
    });
  const store = Object.fromEntries(
    METHODS.map((method) => [method, (...args: readonly unknown[]) => ask(method, args)]),
  ) as unknown as JobStore; // the thread answers each method with what the engine returns
  await store.stats();
  return store;
}

// ---

function revived(error: unknown): Error {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return new GigasttError(typeof code === "string" ? code : "GST_STORE_IO", messageOf(error), { cause: error });
}
