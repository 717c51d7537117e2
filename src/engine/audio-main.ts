// Entry of an audio thread: decoding, resampling, features, utterances. Own code and audio decoders, no ONNX:
// unlike an inference worker it may be terminated at any time.
import { parentPort, workerData } from "node:worker_threads";
import { createAudioThread } from "./thread/audio-thread.ts";
import type { AudioThreadData } from "./thread/link.ts";
import type { ToAudioThread } from "./thread/protocol.ts";
import { warmUp } from "./thread/warm-up.ts";
import { lowerThreadPriority } from "./pool/thread-priority.ts";

const port = parentPort;
if (!port) throw new Error("engine/audio-main runs as a worker thread only");
const { niceness, path } = workerData as AudioThreadData; // of openWorkerThread
lowerThreadPriority(niceness);
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
// The first job reports what is wrong.
warmUp(path).catch(() => {});
