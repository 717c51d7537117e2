import { requireHotWords } from "../../../shared/hot-words.ts";
import { MODEL_LANGUAGE, ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { transcribeBody } from "../../http/transcribe/transcribe-body.ts";
import { isSpokenLanguage, unsupportedLanguage } from "../../language.ts";
import type { Route } from "../../route.ts";

/** Audio bytes in, the text out: the HTTP bridge of the package wyoming (`wyoming/http/asr_server.py`). */
export const speechToText: Route = {
  ...ROUTES.speechToText,
  handle: async (exchange, context, { query }) => {
    const language = query.get("language") ?? "";
    if (language !== "" && !isSpokenLanguage(language)) throw unsupportedLanguage([language]);
    const hotWords = requireHotWords(
      ["transcript_names", "transcript_terms"].flatMap((name) => query.get(name) ?? []).join(),
    );
    const transcripts = await transcribeBody(exchange, context, { channels: "mix", hotWords });
    return json(200, { text: transcripts.map(({ text }) => text).join(" "), language: MODEL_LANGUAGE.code });
  },
};
