import type { Transcript } from "../../../engine/contract.ts";
import type { SubtitlesConfig } from "../../../config/types.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { exportTranscript } from "../../../shared/transcript/export.ts";
import { openAiError } from "../../../shared/error-forms.ts";
import { json } from "../../http/replies/reply.ts";
import type { Reply } from "../../http/replies/reply.ts";
import { heldPatience, receiveUpload, transcribeUpload, withUpload } from "../../http/transcribe/transcribe-body.ts";
import { replyWithEvents } from "../../http/transcribe/transcript-events.ts";
import { readForm } from "../../http/uploads/upload-form.ts";
import { modelLanguages } from "../../language.ts";
import type { Route } from "../../route.ts";
import { diarizedAnswer, jsonAnswer, verboseAnswer } from "../answers.ts";
import { parseRequest } from "../request.ts";
import type { TranscriptionRequest } from "../request.ts";
import { createTranscriptEvents } from "../stream.ts";

/** A form with a recording in, its transcript or the events of it out. */
export const transcriptions: Route = {
  ...ROUTES.transcriptions,
  handle: async (exchange, context) => {
    const patience = heldPatience(context.settings.current.pool);
    const form = readForm(exchange.req, "file");
    // Some clients send the file first: what they want is known when everything is there.
    const upload = await receiveUpload(exchange, context, { source: form, ...patience });
    const request = withUpload(upload, () => parseRequest(form.fields, modelLanguages(context.engine)));
    const { hotWords } = request;
    const channels = request.splitsChannels ? "split" : "mix";
    if (!request.isStreamed) {
      const transcripts = await transcribeUpload(exchange, context, {
        upload,
        ...patience,
        options: { channels, hotWords },
      });
      return answer(transcripts, request, context.settings.current.subtitles);
    }
    return replyWithEvents({
      exchange,
      context,
      run: async (send) => {
        const events = createTranscriptEvents(request);
        const sendAll = async (list: readonly unknown[]): Promise<void> => {
          for (const event of list) await send(event);
        };
        const transcripts = await transcribeUpload(exchange, context, {
          upload,
          ...patience,
          options: { channels, hotWords, onHypothesis: (hypothesis) => sendAll(events.heard(hypothesis)) },
        });
        await sendAll(events.done(transcripts));
      },
      errorEvent: (error) => ({ error: openAiError(error) }),
    });
  },
};

function answer(transcripts: readonly Transcript[], request: TranscriptionRequest, rules: SubtitlesConfig): Reply {
  switch (request.format) {
    case "json":
      return json(200, jsonAnswer(transcripts, request));
    case "verbose_json":
      return json(200, verboseAnswer(transcripts, request));
    case "diarized_json":
      return json(200, diarizedAnswer(transcripts, request));
    case "text":
      return plain(exportTranscript(transcripts, "txt"));
    case "srt":
    case "vtt":
      return plain(exportTranscript(transcripts, request.format, { rules, speakers: request.speakers }));
  }
}

/** OpenAI serves subtitles as plain text too. */
function plain(body: string): Reply {
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" }, body };
}
