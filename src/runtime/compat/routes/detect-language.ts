import { bodyBytesOf } from "../../../config/derived.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { heldPatience, receiveUpload, transcribeUpload } from "../../http/transcribe/transcribe-body.ts";
import { readForm } from "../../http/uploads/upload-form.ts";
import { modelLanguages } from "../../language.ts";
import type { Route } from "../../route.ts";
import { languageAnswer } from "../answers.ts";
import { beginningOf } from "../beginning.ts";
import { DECODED, RECORDING_PART } from "../recording.ts";
import { isHeaderless } from "../request.ts";

/** A form with a recording in, its language out. Of a decoded film only the beginning is kept. */
export const detectLanguage: Route = {
  ...ROUTES.detectLanguage,
  handle: async (exchange, context, { query }) => {
    const isDecoded = isHeaderless(query);
    const { limits, pool } = context.settings.current;
    const patience = heldPatience(pool);
    const form = readForm(exchange.req, RECORDING_PART);
    const upload = await receiveUpload(exchange, context, {
      source: isDecoded ? beginningOf(form, DECODED_BYTES) : form,
      bodyBytes: bodyBytesOf(ROUTES.detectLanguage, limits),
      ...patience,
    });
    const transcripts = await transcribeUpload(exchange, context, {
      upload,
      ...patience,
      options: isDecoded ? { headerless: DECODED } : {},
    });
    return json(200, languageAnswer(transcripts, modelLanguages(context.engine)));
  },
};

/** Two minutes: films begin with music. */
const DECODED_BYTES = 120 * DECODED.sampleRateHz * 2;
