// Entry of an audio thread: decoding, resampling, features, utterances. Own code and audio decoders, no ONNX:
// unlike an inference worker it may be terminated at any time.
import { parentPort, workerData } from "node:worker_threads";
import { createAudioThread } from "./thread/audio-thread.ts";
import type { ToAudioThread } from "./thread/protocol.ts";
import { lowerThreadPriority } from "./pool/thread-priority.ts";

const port = parentPort;
if (!port) throw new Error("engine/audio-main runs as a worker thread only");
lowerThreadPriority(typeof workerData === "number" ? workerData : 0);
const core = createAudioThread((message, transfer = []) => {
  port.postMessage(
    message,
    transfer.filter((buffer) => buffer instanceof ArrayBuffer),
  );
});
port.on("message", (message: ToAudioThread | { readonly type: "close" }) => {
  if (message.type === "close") port.close();
  else core.receive(message);
});
