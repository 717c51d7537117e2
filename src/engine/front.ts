// Entry of a front worker thread: decoding, resampling, features, utterances. Own code and audio decoders, no ONNX:
// unlike an inference worker it may be terminated at any time.
import { parentPort, workerData } from "node:worker_threads";
import { createFrontCore } from "./front/core.ts";
import type { ToFront } from "./front/protocol.ts";
import { lowerThreadPriority } from "./priority.ts";

const port = parentPort;
if (!port) throw new Error("engine/front runs as a worker thread only");
lowerThreadPriority(typeof workerData === "number" ? workerData : 0);
const core = createFrontCore((message, transfer = []) => {
  port.postMessage(
    message,
    transfer.filter((buffer) => buffer instanceof ArrayBuffer),
  );
});
port.on("message", (message: ToFront | { readonly type: "close" }) => {
  if (message.type === "close") port.close();
  else core.receive(message);
});
