import { bodyBytesOf } from "../../../config/derived.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { exportTranscript } from "../../../shared/transcript/export.ts";
import { heldPatience, receiveUpload, transcribeUpload, withUpload } from "../../http/transcribe/transcribe-body.ts";
import { readForm } from "../../http/uploads/upload-form.ts";
import { modelLanguages } from "../../language.ts";
import { isLoading } from "../../lifecycle/readiness.ts";
import type { Route } from "../../route.ts";
import { whisperJson } from "../answers.ts";
import { DECODED, RECORDING_PART } from "../recording.ts";
import { parseAsrQuery } from "../request.ts";
import type { AsrRequest } from "../request.ts";

/** A form with a recording in, subtitles or text out. */
export const asr: Route = {
  ...ROUTES.asr,
  handle: async (exchange, context, { query }) => {
    const { limits, pool, subtitles } = context.settings.current;
    const patience = heldPatience(pool);
    const parse = (): AsrRequest => parseAsrQuery(query, modelLanguages(context.engine));
    // What the model understands is known when it is loaded; a film should not be sent for nothing.
    if (!isLoading(context)) parse();
    const upload = await receiveUpload(exchange, context, {
      source: readForm(exchange.req, RECORDING_PART),
      bodyBytes: bodyBytesOf(ROUTES.asr, limits),
      ...patience,
    });
    const request = withUpload(upload, parse);
    const { channels, hotWords } = request;
    const transcripts = await transcribeUpload(exchange, context, {
      upload,
      ...patience,
      options: { channels, hotWords, ...(request.isHeaderless ? { headerless: DECODED } : {}) },
    });
    const { output } = request;
    return {
      status: 200,
      headers: {
        // Of every output, as whisper-asr-webservice answers.
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "asr-engine": "gigastt",
        "content-disposition": `attachment; filename="${RECORDING_PART}.${output}"`,
      },
      body:
        output === "json"
          ? JSON.stringify(whisperJson(transcripts, request))
          : exportTranscript(transcripts, output, { rules: subtitles }),
    };
  },
};
