import { requireReady } from "../../lifecycle/readiness.ts";
import { json } from "../../http/reply.ts";
import type { Route } from "./route.ts";

/** Containers and codecs the POST routes accept. */
export const SUPPORTED_FORMATS: readonly string[] = ["wav", "mp3", "flac", "ogg", "opus", "webm", "m4a", "aac"];
/** Rates a WebSocket session may announce, Hz. */
export const SUPPORTED_RATES: readonly number[] = [8000, 16000, 24000, 44100, 48000];

/** The loaded model in the native shape and, in the same object, as OpenAI's list. */
export const models: Route = {
  method: "GET",
  path: "/v1/models",
  checksOrigin: true,
  isLimited: true,
  handle: (_exchange, context) => {
    const model = context.engine.model;
    if (model === undefined) requireReady(context);
    return json(200, {
      id: model?.id,
      name: model?.name,
      version: model?.version,
      encoder: model?.precision,
      vocab_size: model?.vocabSize,
      sample_rate: 16000,
      pool_size: context.admission.total,
      pool_available: context.admission.available,
      supported_formats: SUPPORTED_FORMATS,
      supported_rates: SUPPORTED_RATES,
      diarization: false,
      object: "list",
      data: [{ id: model?.id, object: "model", created: context.createdS, owned_by: "gigastt" }],
    });
  },
};
