// Thread that waits for the disk: a slow card must not hold up live sessions, which the main thread serves.
import { parentPort, workerData } from "node:worker_threads";
import { errorCodeOf, messageOf } from "../../shared/errors.ts";
import { openSqliteJobs } from "./sqlite/open.ts";
import type { StoreAnswer, StoreCall, StoreThreadData } from "./thread-protocol.ts";

const port = parentPort;
if (port !== null) {
  const { file } = workerData as StoreThreadData; // store-thread.ts starts it
  const store = openSqliteJobs(file);
  port.on("message", ({ id, method, args }: StoreCall) => {
    const call = store[method] as (...given: readonly unknown[]) => unknown;
    let answer: StoreAnswer;
    try {
      answer = { id, value: call(...args) };
    } catch (error) {
      answer = { id, error: { code: errorCodeOf(error), message: messageOf(error) } };
    }
    port.postMessage(answer);
    if (method === "close") port.close();
  });
}
