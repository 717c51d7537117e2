import { parentPort, workerData } from "node:worker_threads";
import { errorCodeOf, messageOf } from "../shared/errors.ts";
import type { StoreAnswer, StoreCall, StoreThreadData } from "./thread.ts";

/** Answers the calls of the main thread with a store: a slow card must not hold up live sessions, which the main thread serves. */
export function serveStore(open: (file: string) => object): void {
  const port = parentPort;
  if (port === null) return;
  const { file } = workerData as StoreThreadData; // thread.ts starts it
  const store = open(file) as Readonly<Record<string, (...given: readonly unknown[]) => unknown>>; // a store has methods only
  port.on("message", ({ id, method, args }: StoreCall) => {
    let answer: StoreAnswer;
    try {
      answer = { id, value: store[method]?.(...args) };
    } catch (error) {
      answer = { id, error: { code: errorCodeOf(error), message: messageOf(error) } };
    }
    port.postMessage(answer);
    if (method === "close") port.close();
  });
}
