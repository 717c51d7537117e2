import { requireHotWords } from "../../../shared/hot-words.ts";
import { languageOf } from "../../../shared/languages.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import { transcribeBody } from "../../http/transcribe/transcribe-body.ts";
import { modelLanguages, requireLanguages } from "../../language.ts";
import type { Route } from "../../route.ts";

/** Audio bytes in, the text out: the HTTP bridge of the package wyoming (`wyoming/http/asr_server.py`). */
export const speechToText: Route = {
  ...ROUTES.speechToText,
  handle: async (exchange, context, { query }) => {
    const languages = requireLanguages([query.get("language") ?? ""], modelLanguages(context.engine));
    const hotWords = requireHotWords(
      ["transcript_names", "transcript_terms"].flatMap((name) => query.get(name) ?? []).join(),
    );
    const transcripts = await transcribeBody(exchange, context, { channels: "mix", hotWords });
    const text = transcripts.map((transcript) => transcript.text).join(" ");
    return json(200, { text, language: languageOf(text, languages) });
  },
};
