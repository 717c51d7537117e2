import { bodyBytesOf, longestWaitMs } from "../../../config/derived.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { exportTranscript } from "../../../shared/transcript/export.ts";
import { receiveUpload, transcribeUpload } from "../../http/transcribe/transcribe-body.ts";
import { readForm } from "../../http/uploads/upload-form.ts";
import { modelLanguages } from "../../language.ts";
import type { Route } from "../../route.ts";
import { whisperJson } from "../answers.ts";
import { DECODED, RECORDING_PART } from "../recording.ts";
import { parseAsrQuery } from "../request.ts";

/** A form with a recording in, subtitles or text out. */
export const asr: Route = {
  ...ROUTES.asr,
  handle: async (exchange, context, { query }) => {
    const request = parseAsrQuery(query, modelLanguages(context.engine));
    const { channels, hotWords } = request;
    const { limits, pool, subtitles } = context.settings.current;
    const waitMs = longestWaitMs(pool);
    const upload = await receiveUpload(exchange, context, {
      source: readForm(exchange.req, RECORDING_PART),
      bodyBytes: bodyBytesOf(ROUTES.asr, limits),
      waitMs,
    });
    const transcripts = await transcribeUpload(exchange, context, {
      upload,
      waitMs,
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
