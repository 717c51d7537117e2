// Entry of an inference worker thread: owns one set of ONNX sessions and recognises one window at a time.
// `session.run()` blocks its thread (onnxruntime-node 1.30), which is why it lives here and nowhere else.
import { parentPort } from "node:worker_threads";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { loadAcousticModel, type AcousticModel } from "./acoustic/model.ts";
import type { FromInference, ToInference } from "./acoustic/protocol.ts";
import { lowerThreadPriority } from "./pool/thread-priority.ts";

const port = parentPort;
if (!port) throw new Error("engine/inference-main runs as a worker thread only");
let model: AcousticModel | undefined;

lowerThreadPriority(10);
port.on("message", (message: ToInference) => {
  void handle(message);
});

async function handle(message: ToInference): Promise<void> {
  switch (message.type) {
    case "load":
      try {
        model = await loadAcousticModel(message.request);
        send({ type: "loaded", model: model.info });
      } catch (error) {
        const code = error instanceof GigasttError ? error.code : "GST_MODEL_LOAD";
        send({ type: "load_failed", code, message: messageOf(error) });
      }
      return;
    case "run":
      try {
        if (!model) throw new Error("no model is loaded");
        const result = await model.recognize(message.features, message.frames, message.hotWords);
        send({ type: "done", id: message.id, result }, [
          result.ids.buffer,
          result.frames.buffer,
          result.probabilities.buffer,
          ...(result.spans ? [result.spans.buffer] : []),
        ]);
      } catch (error) {
        send({ type: "failed", id: message.id, message: messageOf(error) });
      }
      return;
    case "close":
      await model?.release();
      port!.close();
      return;
  }
}

function send(message: FromInference, transfer: ArrayBufferLike[] = []): void {
  port!.postMessage(
    message,
    transfer.filter((buffer) => buffer instanceof ArrayBuffer),
  );
}
