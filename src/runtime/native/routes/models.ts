import { AUDIO_FORMATS, MODEL_RATE_HZ, ROUTES, SESSION_RATES_HZ } from "../../../shared/protocol.ts";
import { listedModels } from "../../models-list.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";

/** The loaded model in the native shape and, in the same object, as OpenAI's list. */
export const models: Route = {
  ...ROUTES.models,
  handle: (_exchange, context) => {
    const data = listedModels(context);
    const { model } = context.engine;
    return json(200, {
      id: model?.id,
      name: model?.name,
      version: model?.version,
      encoder: model?.precision,
      vocab_size: model?.vocabSize,
      sample_rate: MODEL_RATE_HZ,
      pool_size: context.admission.total,
      pool_available: context.admission.available,
      supported_formats: AUDIO_FORMATS,
      supported_rates: SESSION_RATES_HZ,
      diarization: false,
      object: "list",
      data,
    });
  },
};
